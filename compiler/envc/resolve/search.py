"""The search: resolvelib over our candidates, then the rules of layered stacks.

1. Demands: the layer's own requirements, and (for a layer on a base) every project that the specs
   below name, without their version specifiers.
2. resolvelib finds pins, preferring the present lock's, then the base's.
3. `coherence` turns needless shadows and lifts back, classifies the rest, and decides which of
   the base's other projects stay visible.
"""

from packaging.utils import canonicalize_name
from resolvelib import BaseReporter, ResolutionImpossible, Resolver

from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve.coherence import cohere
from envc.resolve.demand import Candidate, Demand, demands_of
from envc.resolve.explain import explain
from envc.resolve.provider import Provider, holds

MAXIMUM_ROUNDS = 200_000


def resolve(problem: Problem, source: CandidateSource) -> Resolution:
    """The pins of a problem: the newest that fit, changed as little as possible.

    Raises:
        UnsatisfiableError: no set of releases meets all demands, or it would need a shadow or
            a lift that the site refuses.
        OutsideError: an index did not answer.
    """
    roots = _root_demands(problem)
    provider = Provider(problem, source)
    source.prefetch_metadata(pin.distributions[0] for pin in problem.inherited)
    provider.prefetch(roots)
    resolver: Resolver[Demand, Candidate, str] = Resolver(provider, BaseReporter())
    try:
        result = resolver.resolve(roots, max_rounds=MAXIMUM_ROUNDS)
    except ResolutionImpossible as error:
        raise explain(provider, roots, error.causes) from error
    return cohere(provider, roots, result.mapping.values())


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
