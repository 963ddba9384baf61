"""Resolving what a change can reach gives the answer of resolving everything: every golden case."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from envc.errors import UnexplainedError, UnsatisfiableError
from envc.locking.overlay_resolution import edges_of, resolve_above
from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve import resolve
from support import cases
from support.cases import Case

GOLDEN = Path(__file__).resolve().parents[2] / "golden/resolve"
WITH_OVERLAYS = sorted(
    path.parent for path in GOLDEN.glob("*/in.toml") if "[overlay." in path.read_text()
)


@dataclass
class Asked:
    """An overlay's problem, and what resolving it whole gave: None where it has no solution."""

    problem: Problem
    source: CandidateSource
    answer: Resolution | None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Every problem of an overlay that a case resolves."""
    found: list[Asked] = []

    def spy(problem: Problem, source: CandidateSource) -> Resolution:
        answer: Resolution | None = None
        try:
            answer = resolve(problem, source)
        finally:
            if problem.layer.startswith("overlay "):
                found.append(Asked(problem, source, answer))
        return answer

    monkeypatch.setattr(cases, "resolve", spy)
    return found


def summary(answer: Resolution) -> object:
    own = [(pin.project, pin.version, pin.distributions, pin.requires) for pin in answer.own()]
    return own, answer.shadows, answer.lifts, answer.hides


def above(each: Asked) -> Resolution | None:
    """The answer of the short way, the same whether it knows anything beforehand or not."""
    visible = replace(
        each.problem,
        layer="base",
        roots=(),
        constraints=(),
        hide=frozenset(),
        preferred={},
        shadow="coherent",
    )
    edges = edges_of(resolve(visible, each.source))
    try:
        first = resolve_above(each.problem, edges, each.source)
        assert summary(resolve_above(each.problem, edges, each.source)) == summary(first)
    except UnexplainedError:
        raise  # somebody has asked why
    except UnsatisfiableError:
        with pytest.raises(UnsatisfiableError):
            resolve_above(each.problem, edges, each.source, explains=False)
        return None
    return first


@pytest.mark.parametrize("folder", WITH_OVERLAYS, ids=lambda path: path.name)
def test_the_short_way_leads_to_the_same(folder: Path, asked: list[Asked]) -> None:
    try:
        for _ in Case((folder / "in.toml").read_text()).solve():
            pass
    except UnsatisfiableError:
        pass
    for each in asked:
        found = above(each)
        assert (found is None) == (each.answer is None)
        if found is not None and each.answer is not None:
            assert summary(found) == summary(each.answer)


def test_there_are_many_such_cases() -> None:
    assert len(WITH_OVERLAYS) > 20
