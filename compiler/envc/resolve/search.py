"""The search: resolvelib over our candidates, then the rules of layered stacks.

1. Demands: the layer's own requirements, and (for a layer on a base) every project that the specs
   below name, without their version specifiers.
2. resolvelib finds pins, preferring the present lock's, then the base's. Where it finds none,
   or pins that contradict each other, `prove` finds them or proves that there are none.
   Where no shadow is allowed, the base's pins are the only candidates of their projects; only when
   that fails are the others tried, to say which shadow would be needed and is refused.
3. `visible` turns needless shadows and lifts back, and improves the layer's own pins.
4. `coherence` classifies what is left of shadows and lifts, and decides which of the base's other
   projects stay visible.
"""

from collections.abc import Collection
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import RequirementInformation
from resolvelib.resolvers import Resolution as Search

from envc.errors import UnsatisfiableError
from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve.coherence import cohere
from envc.resolve.demand import Candidate, Demand, demands_of
from envc.resolve.policy import holds
from envc.resolve.prove import Refutation, TooManyConflictsError, prove
from envc.resolve.provider import Provider
from envc.resolve.visible import Visible, settled, visible_of

MAXIMUM_ROUNDS = 10_000
# Where resolvelib runs into more conflicts than this, learning from each of them (`prove`) is
# faster by far: measured on one site, 0.15 s against 38 s.
PATIENCE_CONFLICTS = 100


@dataclass(frozen=True, slots=True)
class Conflict:
    """A problem that has no solution: what was searched, its root demands, and the proof."""

    provider: Provider
    roots: list[Demand]
    refutation: Refutation


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


class _Impatient(BaseReporter[Demand, Candidate, str]):
    """Counts conflicts, and ends a search that has run into too many."""

    def __init__(self) -> None:
        self._conflicts = 0

    def resolving_conflicts(
        self,
        causes: Collection[RequirementInformation[Demand, Candidate]],  # noqa: ARG002 - the base's
    ) -> None:
        """One more."""
        self._conflicts += 1
        if self._conflicts > PATIENCE_CONFLICTS:
            raise ResolutionTooDeep(self._conflicts)


def _search(provider: Provider, roots: list[Demand]) -> Visible | Refutation:
    """The pins that the search finds, and some that backtracking left behind.

    Not resolvelib's `Resolver`: it asks of every pin for a way to the roots, and never ends where
    pins that were left behind require each other. `Visible` follows the demands from the roots.
    Neither is its "yes" believed: among projects that require each other in a circle, it forgets
    what a pin demanded that was taken back and comes again.
    """
    provider.prefetch(roots)
    search: Search[Demand, Candidate, str] = Search(provider, _Impatient())
    try:
        found = list(search.resolve(roots, max_rounds=MAXIMUM_ROUNDS).mapping.values())
        visible = visible_of(provider, roots, found)
        if visible.is_consistent():
            return visible
    except (ResolutionImpossible, ResolutionTooDeep):
        pass
    proved = refute(provider, roots, provider.constraining())
    return proved if isinstance(proved, Refutation) else visible_of(provider, roots, proved)


def refute(
    provider: Provider, roots: list[Demand], constraints: list[Demand]
) -> list[Candidate] | Refutation:
    """Pins, or the proof that there are none.

    Raises:
        UnsatisfiableError: the search was given up.
    """
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
