"""The search: resolvelib over our candidates, then the rules of layered stacks.

1. Demands: the layer's own requirements, and (for a layer on a base) every project that the specs
   below name, without their version specifiers.
2. resolvelib finds pins, preferring the present lock's, then the base's.
   Where no shadow is allowed, the base's pins are the only candidates of their projects; only when
   that fails are the others tried, to say which shadow would be needed and is refused.
3. `coherence` turns needless shadows and lifts back, classifies the rest, and decides which of
   the base's other projects stay visible.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name
from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution as Search

from envc.errors import UnsatisfiableError
from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve.coherence import cohere
from envc.resolve.demand import Candidate, Demand, demands_of
from envc.resolve.explain import explain
from envc.resolve.provider import Information, Provider, holds

MAXIMUM_ROUNDS = 200_000


def resolve(problem: Problem, source: CandidateSource) -> Resolution:
    """The pins of a problem: the newest that fit, changed as little as possible.

    Raises:
        UnsatisfiableError: no set of releases meets all demands, or it would need a shadow or
            a lift that the site refuses.
        OutsideError: an index did not answer.
    """
    roots = _root_demands(problem)
    source.prefetch_metadata(pin.distributions[0] for pin in problem.inherited)
    if problem.shadow == "never" and problem.inherited:
        provider = Provider(problem, source, holds_base=True)
        provider.prefetch(roots)
        with suppress(ResolutionImpossible, ResolutionTooDeep):
            return cohere(provider, roots, _search(provider, roots))
    provider = Provider(problem, source)
    provider.prefetch(roots)
    try:
        return cohere(provider, roots, _search(provider, roots))
    except ResolutionImpossible as error:
        kept = list(dict.fromkeys(demand.project for demand in roots if demand.kept))
        conflict = _least(provider, Conflict(roots, error.causes), kept)
        raise explain(provider, conflict.roots, conflict.causes) from error
    except ResolutionTooDeep as error:
        raise UnsatisfiableError(
            f"the search for the pins of {problem.layer} gave up after {error.round_count} rounds",
            mend="give the projects with the most releases a lower bound",
        ) from error


def _search(provider: Provider, roots: list[Demand]) -> list[Candidate]:
    """The candidates that resolvelib finds, and some that backtracking left behind.

    Not `Resolver`: it asks of every pin for a way to the roots, and never ends where pins that
    were left behind require each other. `cohere` follows the demands from the roots instead.
    """
    search: Search[Demand, Candidate, str] = Search(provider, BaseReporter())
    return list(search.resolve(roots, max_rounds=MAXIMUM_ROUNDS).mapping.values())


@dataclass(frozen=True, slots=True)
class Conflict:
    """Roots that cannot all be met, and the causes that the search ended with."""

    roots: list[Demand]
    causes: Collection[Information]


def _least(provider: Provider, conflict: Conflict, kept: Sequence[NormalizedName]) -> Conflict:
    """The conflict with the fewest of the base's projects: what it does without, is not to blame.

    First without all of `kept` (it may be the layer's own), then without one half and the other:
    for k projects to blame among n, about k log n searches, over what is in memory already.
    """
    smaller = _without(provider, conflict, kept) if kept else conflict
    if smaller is not None:
        return smaller
    if len(kept) <= 1:
        return conflict
    middle = len(kept) // 2
    conflict = _least(provider, conflict, kept[:middle])
    return _least(provider, conflict, kept[middle:])


def _without(
    provider: Provider, conflict: Conflict, kept: Sequence[NormalizedName]
) -> Conflict | None:
    """The conflict that is still there when the base need not keep these projects, or None."""
    roots = [d for d in conflict.roots if not (d.kept and d.project in kept)]
    try:
        _search(provider, roots)
    except ResolutionImpossible as error:
        return Conflict(roots, error.causes)
    except ResolutionTooDeep:
        return None
    return None


def _root_demands(problem: Problem) -> list[Demand]:
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
