"""Sites of other fields from the real index, each with its overlays: `make test-network`.

An overlay that is ok is built, holds together, imports, and runs a program; one that is in conflict
has no solution for uv either. `test_verdicts.py` tries many more overlays on these sites.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.real_sites import (
    above_by_uv,
    assert_consistent,
    declared,
    envc,
    failed_imports,
    layers_of,
    lent,
    pins_of_uv,
)
from support.sites import python

# They fail in a flat environment, too: tools of a wheel's makers that need what it does not
# require, and sources that came along without what is compiled of them.
FAIL_ANYWHERE = {"tools.compilepos", "tools.resx2po", "flaxlib_src.src.flaxlib"}

pytestmark = [pytest.mark.network, pytest.mark.slow]

PROVIDERS = """\
import os, tempfile, warnings
warnings.simplefilter("ignore")
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
from airflow.providers_manager import ProvidersManager
found = {n.rpartition("-")[2]: i.version for n, i in ProvidersManager().providers.items()}
assert {"http", "postgres", "slack", "sqlite", "ssh"} <= found.keys(), found
"""
# What each overlay is there for: it ends without an error, and prints its last word.
PROGRAMS = {
    "ai/adds": """\
import einops, numpy, polars, sentencepiece
import jax.numpy
turned = einops.rearrange(jax.numpy.arange(6), "(a b) -> b a", a=2)
assert polars.from_numpy(numpy.asarray(turned)).shape == (3, 2)
assert "/target/" in numpy.__file__ and "/target/" not in polars.__file__
print("done")
""",
    "ai/shadows": """\
import tokenizers, transformers
from transformers import PreTrainedTokenizerFast
words = tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?")
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(words), unk_token="?")
assert fast("a")["input_ids"] == [0]
assert transformers.__version__ < "5" and "/target/" not in tokenizers.__file__
print("done")
""",
    "airflow/adds": f"""\
{PROVIDERS}
from airflow.providers.ftp.hooks.ftp import FTPHook
from airflow.providers.ssh.hooks.ssh import SSHHook
assert {{"ftp", "redis"}} <= found.keys(), found
print("done")
""",
    "airflow/shadows": f"""\
{PROVIDERS}
from airflow.providers.slack.hooks.slack import SlackHook
from airflow.sdk import DAG
assert tuple(map(int, found["slack"].split("."))) < (9, 11), found
assert DAG("one", schedule=None).dag_id == "one"
print("done")
""",
}


@pytest.fixture(scope="module", params=["ai", "airflow"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    yield from lent(request.param, tmp_path_factory.mktemp("fields") / request.param)


def test_the_pins_of_the_stack_are_those_of_uv(site: Path) -> None:
    layers = tomllib.loads((site / "envc.toml").read_text())["layer"]
    lines = [line for table in layers.values() for line in table["requires"]]
    bounds = [line for table in layers.values() for line in table.get("constraints", ())]
    locks = [tomllib.loads((site / f"pylock.{layer}.toml").read_text()) for layer in layers]
    pins = {pin["name"]: pin["version"] for lock in locks for pin in lock["packages"]}
    assert pins == pins_of_uv([*lines, *bounds])


def test_every_layer_holds_together_and_imports(site: Path) -> None:
    for name, layer in layers_of(site / "target").items():
        tree = site / "target" / name / "bin/python"
        assert_consistent(sys.executable, "-m", "pip", "--python", tree, "check")
        failed = failed_imports(str(tree), declared(layer, site / "target/store"))
        assert failed.keys() <= FAIL_ANYWHERE, failed


def test_each_overlay_that_is_ok_holds_together_imports_and_runs(site: Path) -> None:
    for name in ("adds", "shadows"):
        folder = site / "overlays" / name
        folder.mkdir()
        (site / f"overlays/{name}.toml").rename(folder / "overlay.toml")
        found = verdict(site, folder / "overlay.toml")
        assert found["ok"], found["findings"]
        assert bool(found["shadows"]) == (name == "shadows")
        answer = envc(site, "overlay", "sync", "--dir", folder, "--target", "target", "--json")
        assert answer.status == 0, answer.stderr
        tree = folder / "bin/python"
        assert_consistent(sys.executable, "-m", "pip", "--python", tree, "check")
        (layer,) = layers_of(folder).values()
        assert failed_imports(str(tree), declared(layer, folder / "store")) == {}
        assert python(folder, PROGRAMS[f"{site.name}/{name}"]).splitlines()[-1] == "done"


def test_each_overlay_in_conflict_has_no_solution(site: Path) -> None:
    for spec in sorted((site / "conflicts").iterdir()):
        found = verdict(site, spec)
        assert "ENVC201" in {finding["code"] for finding in found["findings"]}
        assert above_by_uv(site, spec) is None


def verdict(site: Path, spec: Path) -> dict[str, Any]:
    answer = envc(site, "check", spec, "--json")
    assert answer.status in (0, 1), answer.stderr
    (found,) = answer.json["overlays"]
    return dict(found)
