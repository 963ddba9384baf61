"""What `envc check` says of random overlays, held against what happens: `make test-network`.

An overlay that is ok is built: `pip check` is clean in it, and all that its own wheels declare can
be imported. For one in conflict, uv finds no solution either for the base's projects by name, what
binds above them, and the overlay's requirements.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from support.real_sites import above_by_uv, assert_consistent, declared, envc, failed_imports
from support.sites import PYTHON

pytestmark = [pytest.mark.network, pytest.mark.slow]

SPEC = f"""\
version = 1

[site]
name = "proof"

[core]
python = "{PYTHON}"

[layer.user]
requires = ["rich", "requests<2.33", "attrs", "networkx", "numpy", "pytest"]
constraints = ["attrs<27"]
"""

ASKED = (
    "humanize", "tabulate", "tqdm", "toolz", "cachetools", "sortedcontainers", "jsonschema",
    "pandas", "httpx", "pygments<2.19", "markdown-it-py<4", "urllib3<2.6", "numpy<2.3",
    "networkx<3.5", "attrs<25", "pytest<9", "requests<2.32", "idna<3.10",
)  # fmt: skip
IMPOSSIBLE = (
    "attrs>=27", "numpy<1.20", "requests>=99", 'rich<14", "rich>=14', "certifi>=9999",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose base is locked and materialized."""
    folder = tmp_path_factory.mktemp("proof")
    (folder / "envc.toml").write_text(SPEC)
    for words in (("lock",), ("materialize", "--target", "target")):
        answer = envc(folder, *words)
        assert answer.status == 0, answer.stderr
    return folder


def write(site: Path, name: str, requires: list[str]) -> Path:
    path = site / "shared" / name / "overlay.toml"
    path.parent.mkdir(parents=True)
    listed = ", ".join(f'"{requirement}"' for requirement in requires)
    lines = ["version = 1", "[overlay]", f'name = "{name}"', 'base = "user"']
    path.write_text("\n".join([*lines, f"requires = [{listed}]"]) + "\n")
    return path


def verdict(site: Path, path: Path) -> dict[str, Any]:
    answer = envc(site, "check", path, "--json")
    assert answer.status in (0, 1), answer.stderr
    (found,) = answer.json["overlays"]
    return dict(found)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_ok_can_be_built_and_imported(site: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = write(site, f"ok{seed}", chance.sample(ASKED, chance.randint(1, 3)))
    found = verdict(site, path)
    assert found["ok"], found["findings"]
    answer = envc(site, "overlay", "sync", "--dir", path.parent, "--target", "target", "--json")
    assert answer.status == 0, answer.stderr
    for key in ("adds", "shadows", "lifts", "inherits"):
        assert answer.json[key] == found[key]
    python = f"{path.parent}/bin/python"
    assert_consistent(sys.executable, "-m", "pip", "--python", python, "check")
    record = json.loads((path.parent / "current/manifest.json").read_text())
    (layer,) = record["layers"].values()
    assert failed_imports(python, declared(layer, path.parent / "store")) == {}
    assert above_by_uv(site, path), "uv finds no solution for what was ok"


@pytest.mark.parametrize("seed", range(len(IMPOSSIBLE)))
def test_what_is_in_conflict_has_no_solution(site: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = write(site, f"no{seed}", [chance.choice(ASKED[:6]), IMPOSSIBLE[seed]])
    found = verdict(site, path)
    assert not found["ok"]
    assert "ENVC201" in {finding["code"] for finding in found["findings"]}
    assert not above_by_uv(site, path), "uv finds a solution for what was in conflict"
