"""What of the search no golden case shows: how much it asks for, and where it gives up."""

import pytest

from envc.errors import UnsatisfiableError
from support.cases import Case

DEEP = """
[releases.a]
"1.0" = ["b"]
"2.0" = ["b"]
"3.0" = ["b"]
[releases.b]
"1.0" = []
"2.0" = []
[layer.user]
requires = ["a", "b<2"]
"""

PARTED = """
[releases.a]
"1.0" = []
"2.0" = ["c", "d"]
[releases.b]
"1.0" = []
"2.0" = ["c<2"]
[releases.c]
"1.0" = ["d<2"]
"2.0" = []
[releases.d]
"2.0" = []
[releases.e]
"1.0" = []
"2.0" = ["f"]
[releases.f]
"1.0" = ["d<2"]
[layer.user]
requires = ["a", "b"]
"""


def test_only_the_metadata_of_what_is_chosen_is_asked_for():
    case = Case(DEEP)
    list(case.solve())
    assert set(case.source.looked_at) == {"a 3.0", "b 1.0"}


def test_an_overlay_asks_nothing_about_releases_that_it_does_not_want():
    case = Case(
        DEEP + '[releases.c]\n"1.0" = []\n"2.0" = ["a"]\n[overlay.alice]\nrequires = ["c"]\n'
    )
    list(case.solve())
    assert set(case.source.looked_at) == {"a 3.0", "b 1.0", "c 2.0"}


@pytest.fixture
def impatient(monkeypatch):
    """The search gives up at once."""

    def begin() -> None:
        monkeypatch.setattr("envc.resolve.backtrack.MAXIMUM_ROUNDS", 1)
        monkeypatch.setattr("envc.resolve.prove.MAXIMUM_CONFLICTS", 0)

    return begin


def test_a_search_without_end_is_given_up(impatient):
    impatient()
    with pytest.raises(UnsatisfiableError) as caught:
        list(Case(PARTED).solve())
    assert str(caught.value) == (
        "the search for the pins of layer user gave up after too many conflicts\n"
        "  help: give the projects with the most releases a lower bound"
    )


def test_a_search_without_end_is_given_up_where_no_shadow_is_allowed(impatient):
    case = Case(PARTED + '[overlays]\nshadow = "never"\n[overlay.alice]\nrequires = ["e"]\n')
    solved = case.solve()
    next(solved)
    impatient()
    with pytest.raises(UnsatisfiableError, match="gave up after too many conflicts"):
        next(solved)


def test_where_resolvelib_gives_up_the_proof_search_goes_on(monkeypatch):
    monkeypatch.setattr("envc.resolve.backtrack.MAXIMUM_ROUNDS", 1)
    (solved,) = Case(PARTED).solve()
    pins = [f"{pin.project} {pin.version}" for pin in solved.lock.pins]
    assert pins == ["a 2.0", "b 1.0", "c 2.0", "d 2.0"]


SOURCES_ONLY = """
[releases.a]
"1.0" = { sdist = "only" }
"2.0" = { sdist = "only" }
"3.0" = { sdist = "only" }
[releases.b]
"1.0" = ["c"]
[releases.c]
"1.0" = []
"""


def test_a_project_with_nothing_for_here_is_told_before_others_are_looked_into():
    case = Case(SOURCES_ONLY + '[layer.user]\nrequires = ["a", "b"]\n')
    case.source.looks_in_a_hurry = 0
    with pytest.raises(UnsatisfiableError, match="only a source distribution"):
        list(case.solve())
    assert case.source.looked_at == []


def test_a_release_that_needs_what_has_nothing_for_here_is_left_at_once(monkeypatch):
    monkeypatch.setattr("envc.resolve.backtrack.MAXIMUM_ROUNDS", 1)
    top = '[releases.top]\n"1.0" = []\n"2.0" = ["a", "b"]\n'
    case = Case(SOURCES_ONLY + top + '[layer.user]\nrequires = ["top"]\n')
    (solved,) = case.solve()
    assert [f"{pin.project} {pin.version}" for pin in solved.lock.pins] == ["top 1.0"]
    assert "b 1.0" not in case.source.looked_at
