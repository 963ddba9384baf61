"""The sample sites from the real index: `make test-network`."""

import json
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from envc.index import default_index
from support.sites import PYTHON, Answer, envc_process

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
UV = f"{os.path.dirname(sys.executable)}/uv"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow]

# What is on an index and cannot be imported by itself, by layer; each with the reason.
NOT_FOR_IMPORT = {
    "system": {"matplotlib_inline"},  # a backend for matplotlib, which that layer does not have
    "user": set[str](),
}

IMPORT_ALL = """\
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
failed = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""


def locked(name: str, factory: pytest.TempPathFactory) -> Path:
    """A copy of a sample site, locked."""
    folder = factory.mktemp(name)
    text = (ROOT / f"fixtures/sites/{name}/envc.toml").read_text()
    (folder / "envc.toml").write_text(text.replace('"3.11"', f'"{PYTHON}"'))
    assert envc(folder, "lock").status == 0
    return folder


@pytest.fixture(scope="module", params=["quickstart", "sci"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of a sample site, locked, and materialized in `target`."""
    folder = locked(request.param, tmp_path_factory)
    answer = envc(folder, "materialize", "--target", "target", "--json")
    assert answer.status == 0, answer.stderr
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    subprocess.run(["rm", "-rf", folder], check=True)


def envc(folder: Path, *words: str) -> Answer:
    surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
    return envc_process(*words, cwd=folder, environment=surroundings)


def layers_of(folder: Path) -> dict[str, dict[str, str]]:
    record = json.loads((folder / "target/current/manifest.json").read_text())
    layers: dict[str, dict[str, str]] = record["layers"]
    return layers


def test_a_second_lock_and_a_second_materialize_change_nothing(site: Path) -> None:
    locked = envc(site, "lock", "--json")
    assert (locked.status, locked.json["changed"]) == (0, False)
    again = envc(site, "materialize", "--target", "target", "--json")
    assert (again.status, again.json["changed"], again.json["generation"]) == (0, False, 1)


def test_a_lock_from_nothing_is_the_same(site: Path, tmp_path: Path) -> None:
    (tmp_path / "envc.toml").write_text((site / "envc.toml").read_text())
    assert envc(tmp_path, "lock").status == 0
    for layer in layers_of(site):
        name = f"pylock.{layer}.toml"
        assert (tmp_path / name).read_bytes() == (site / name).read_bytes()


@pytest.mark.parametrize("name", ["quickstart", "sci", "services"])
def test_the_pins_are_those_of_uv(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = locked(name, tmp_path_factory)
    tables = tomllib.loads((site / "envc.toml").read_text())
    for layer, table in tables["layer"].items():
        requirements = [*table["requires"], *table.get("constraints", ())]
        words = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
        # The whole version: uv takes X.Y for X.Y.0, and some releases want a later one.
        words += ["--python-version", platform.python_version()]
        done = subprocess.run(
            [UV, "pip", "compile", "-", *words],
            input="\n".join(requirements),
            env={**os.environ, "UV_DEFAULT_INDEX": INDEX, "UV_CACHE_DIR": str(CACHE / "uv")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        wanted = dict(line.split("==") for line in done.stdout.split())
        lock = tomllib.loads((site / f"pylock.{layer}.toml").read_text())
        assert {pin["name"]: pin["version"] for pin in lock["packages"]} == wanted


def test_another_target_has_the_same_digests(site: Path) -> None:
    answer = envc(site, "materialize", "--target", "another", "--json")
    assert answer.status == 0, answer.stderr
    digests = {name: layer["digest"] for name, layer in answer.json["layers"].items()}
    assert digests == {name: layer["digest"] for name, layer in layers_of(site).items()}


def test_the_target_is_as_it_was_published(site: Path) -> None:
    answer = envc(site, "verify", "--target", "target", "--json")
    assert (answer.status, answer.json["problems"]) == (0, [])


def test_pip_and_uv_find_every_layer_consistent(site: Path) -> None:
    for layer in layers_of(site):
        python = f"{site}/target/{layer}/bin/python"
        for command in (
            [sys.executable, "-m", "pip", "--python", python, "check"],
            [UV, "pip", "check", "--python", python],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{layer}: {done.stdout}{done.stderr}"


def test_every_top_level_module_imports(site: Path) -> None:
    for layer in layers_of(site):
        names = sorted(importable(site, layer) - NOT_FOR_IMPORT[layer])
        done = subprocess.run(
            [f"{site}/target/{layer}/bin/python", "-c", IMPORT_ALL, json.dumps(names)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "MPLBACKEND": "agg"},
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == {}


def importable(site: Path, layer: str) -> set[str]:
    """The packages and modules, not namespaces, that the layer's wheels declare."""
    found: set[str] = set()
    record = json.loads((site / "target/current/manifest.json").read_text())
    for wheel in record["layers"][layer]["wheels"]:
        facts = site / f"target/store/wheels/{wheel['store_id']}/facts.json"
        modules = json.loads(facts.read_text())["modules"]
        found |= {name for name, content in modules.items() if isinstance(content, str)}
    return found
