"""The answer to a problem: pins, or why there are none and what would help."""

from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve.search import Conflict, solve


def resolve(problem: Problem, source: CandidateSource) -> Resolution:
    """The pins of a problem: the newest that fit, changed as little as possible.

    Raises:
        UnsatisfiableError: no set of releases meets all demands, or it would need a shadow or
            a lift that the site refuses.
        OutsideError: an index did not answer.
    """
    answer = solve(problem, source)
    if isinstance(answer, Conflict):
        from envc.resolve.causes import least  # what only a "no" needs
        from envc.resolve.explain import explain
        from envc.resolve.hints import hints

        conflict = least(answer)
        raise explain(conflict, hints(conflict))
    return answer
