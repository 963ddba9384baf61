"""The corpus in `fixtures/check`: every finding of every overlay, no more and no less."""

import re
import tomllib
from pathlib import Path

import pytest

from envc.model.codes import CODES, REQUIREMENTS_UNKNOWN
from support.corpus import cases, judge, told

pytestmark = pytest.mark.slow

LEAST_OVERLAYS = 60
LEAST_OF_EACH = 2


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_every_overlay_has_the_findings_it_should(path: Path, tmp_path: Path) -> None:
    differing: dict[str, dict[str, list[str]]] = {}
    for expected, verdict in judge(path, tmp_path):
        found = told(verdict)
        if found != expected.findings:
            differing[expected.name] = {
                "missed": [f for f in expected.findings if f not in found],
                "needless": [f for f in found if f not in expected.findings],
            }
        errors = [f for f in verdict["findings"] if f["severity"] == "error"]
        assert verdict["ok"] == (not errors), expected.name
    assert differing == {}


def overlays() -> dict[str, list[str]]:
    """Every overlay of the corpus → its findings."""
    return {
        f"{path.stem}/{name}": table["expect"]
        for path in cases()
        for name, table in tomllib.loads(path.read_text())["overlay"].items()
    }


# The other needs a base known by versions alone: tests/cli/test_cli_described_versions.py.
OF_A_CORPUS = sorted(CODES.keys() - {REQUIREMENTS_UNKNOWN})


def test_the_corpus_is_large_and_has_every_code_and_near_misses() -> None:
    found = overlays()
    assert len(found) >= LEAST_OVERLAYS
    counted = {
        code: sum(any(f.split()[0] == code for f in findings) for findings in found.values())
        for code in OF_A_CORPUS
    }
    assert {code: n for code, n in counted.items() if n < LEAST_OF_EACH} == {}
    near = {name.rpartition("near-")[2][:3] for name in found if "/near-" in name}
    assert {code for code in OF_A_CORPUS if code.removeprefix("ENVC") not in near} == set()
    assert all(re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", name) for name in found)
