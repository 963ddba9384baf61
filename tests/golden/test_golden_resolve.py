"""Every case of `resolve/`: an index and a stack in, its pins or the whole error out."""

import tomllib
from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from support.cases import Case, contradictions, printed
from support.golden import compare

CASES = sorted(path.parent for path in Path(__file__).parent.glob("resolve/*/in.toml"))


@pytest.fixture(params=CASES, ids=lambda folder: folder.name)
def folder(request):
    return request.param


def test_the_case_comes_out_as_recorded(folder, update_golden):
    text = (folder / "in.toml").read_text()
    assert tomllib.loads(text)["why"]
    compare(folder / "out.txt", printed(Case(text)), update=update_golden)


def test_what_is_visible_contradicts_nothing(folder):
    case = Case((folder / "in.toml").read_text())
    try:
        for solved in case.solve():
            for resolution in solved.resolutions:
                assert contradictions(resolution) == []
    except UnsatisfiableError:
        pass
