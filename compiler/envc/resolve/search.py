"""The search for pins, then the rules of layered stacks.

1. Demands: the layer's own requirements, and (for a layer on a base) every project that the specs
   below name, without their version specifiers.
2. Pins are chosen, preferring the present lock's, then the base's: `straight` where nothing has
   to be taken back, else by resolvelib (`backtrack`). Where that finds none, or pins that
   contradict each other, `prove` finds them or proves that there are none.
   Where no shadow is allowed, the base's pins are the only candidates of their projects; only when
   that fails are the others tried, to say which shadow would be needed and is refused.
3. `visible` turns needless shadows and lifts back, and improves the layer's own pins.
4. `coherence` classifies what is left of shadows and lifts, and decides which of the base's other
   projects stay visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envc.errors import UnsatisfiableError
from envc.model.resolution import Problem, Resolution
from envc.model.value import value
from envc.ports import CandidateSource
from envc.resolve.coherence import cohere
from envc.resolve.demand import Candidate, Demand, demands_of
from envc.resolve.policy import holds
from envc.resolve.provider import Provider
from envc.resolve.straight import straight
from envc.resolve.visible import Visible, settled, visible_of

if TYPE_CHECKING:
    from envc.resolve.prove import Refutation


@value
class Conflict:
    """A problem that has no solution: what was searched, its root demands, and the proof."""

    provider: Provider
    roots: list[Demand]
    refutation: Refutation

    def demands(self) -> Iterator[Demand]:
        """Those of the proof's facts that are demands."""
        return (fact for fact in self.refutation.facts if isinstance(fact, Demand))


def solve(problem: Problem, source: CandidateSource) -> Resolution | Conflict:
    """The pins of a problem, or the proof that there are none.

    Raises:
        UnsatisfiableError: a hidden project is required, a shadow is refused, or the search was
            given up.
        OutsideError: an index did not answer.
    """
    found = find(problem, source)
    return found if isinstance(found, Conflict) else cohere(found)


def find(problem: Problem, source: CandidateSource) -> Visible | Conflict:
    """The pins that the search settles on, whatever they shadow; or the proof that there are none.

    Raises:
        UnsatisfiableError: the search was given up.
        OutsideError: an index did not answer.
    """
    roots = root_demands(problem)
    source.prefetch_metadata(pin.distributions[0] for pin in problem.inherited)
    if problem.shadow == "never" and problem.inherited:
        found = _search(Provider(problem, source, holds_base=True), roots)
        if isinstance(found, Visible):
            return settled(found)
    provider = Provider(problem, source)
    found = _search(provider, roots)
    return settled(found) if isinstance(found, Visible) else Conflict(provider, roots, found)


def _search(provider: Provider, roots: list[Demand]) -> Visible | Refutation:
    """The pins of the first of three ways that finds some which hold together, or the proof."""
    found = straight(provider, roots)
    if found is None:
        from envc.resolve.backtrack import backtrack  # most problems come without

        found = backtrack(provider, roots)
    if found is not None:
        visible = visible_of(provider, roots, found)
        if visible.is_consistent():
            return visible
    proved = refute(provider, roots, provider.constraining())
    return visible_of(provider, roots, proved) if isinstance(proved, list) else proved


def refute(
    provider: Provider, roots: list[Demand], constraints: list[Demand]
) -> list[Candidate] | Refutation:
    """Pins, or the proof that there are none.

    Raises:
        UnsatisfiableError: the search was given up.
    """
    from envc.resolve.prove import TooManyConflictsError, prove

    try:
        return prove(provider, roots, constraints)
    except TooManyConflictsError as error:
        raise UnsatisfiableError(
            f"the search for the pins of {provider.problem.layer} gave up after too many conflicts",
            mend="give the projects with the most releases a lower bound",
        ) from error


def root_demands(problem: Problem) -> list[Demand]:
    """The demands that no release makes, in order of project; markers are evaluated here."""
    demands: list[Demand] = []
    for sourced in problem.roots:
        if holds(sourced, problem):
            demands += demands_of(sourced.requirement, sourced=sourced)
    for sourced in problem.kept:
        project = canonicalize_name(sourced.requirement.name)
        if project not in problem.hide and holds(sourced, problem):
            demands += demands_of(sourced.requirement, sourced=sourced, kept=True)
    return sorted(demands, key=lambda demand: (demand.key, demand.text))
