"""What is found out about a "no" within the time for it: the rest is left out."""

from functools import partial

import pytest

from envc.errors import UnexplainedError, UnsatisfiableError
from envc.resolve import resolve
from support import cases
from support.cases import Case

CONFLICT = """
[releases.tool]
"2.0" = ["core>=2", "a", "b"]
"1.0" = ["core<2", "a", "b"]
[releases.core]
"2.0" = []
"1.0" = []
[releases.a]
"1.0" = []
[releases.b]
"1.0" = []
[layer.user]
requires = ["tool>=2", "core<2"]
"""


def mend(looks: int | None) -> str:
    case = Case(CONFLICT)
    case.source.looks_in_a_hurry = looks
    with pytest.raises(UnsatisfiableError) as caught:
        list(case.solve())
    return caught.value.faults[0].mend


CORE = "relax 'core<2' at in.toml:13 (layer.user.requires[1])"
TOOL = "relax 'tool>=2' at in.toml:13 (layer.user.requires[0])"


def test_where_nobody_asks_why_nothing_is_tried(monkeypatch: pytest.MonkeyPatch):
    case = Case(CONFLICT)
    case.source.looks_in_a_hurry = 0
    monkeypatch.setattr(cases, "resolve", partial(resolve, explains=False))
    with pytest.raises(UnexplainedError) as caught:
        list(case.solve())
    assert caught.value.faults[0].mend == ""


def test_with_time_each_change_is_tried():
    assert mend(None) == f"{CORE} (then core 2.0 is taken); or {TOOL} (then tool 1.0 is taken)"


def test_what_comes_too_late_is_left_out():
    assert mend(15) == f"{CORE} (then core 2.0 is taken)"


def test_without_time_the_first_change_is_named_untried():
    assert mend(0) == f"{CORE} (not tried: that takes longer)"
