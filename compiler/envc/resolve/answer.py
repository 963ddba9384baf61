"""The answer to a problem: pins, or why there are none and what would help."""

from envc.errors import UnexplainedError
from envc.model.resolution import Problem, Resolution
from envc.ports import CandidateSource
from envc.resolve.search import Conflict, solve

# What is left of two seconds serves to word it.
_EXPLAINED_WITHIN_SECONDS = 1.5


def resolve(problem: Problem, source: CandidateSource, *, explains: bool = True) -> Resolution:
    """The pins of a problem: the newest that fit, changed as little as possible.

    Why there are none is found out within two seconds: what did not come to its turn is left out.

    Raises:
        UnexplainedError: likewise, where it is not to be explained.
        UnsatisfiableError: no set of releases meets all demands, or it would need a shadow or
            a lift that the site refuses.
        OutsideError: an index did not answer.
    """
    answer = solve(problem, source)
    if isinstance(answer, Conflict) and not explains:
        raise UnexplainedError("no set of releases meets the requirements")
    if isinstance(answer, Conflict):
        from envc.resolve.causes import least  # what only a "no" needs
        from envc.resolve.explain import explain
        from envc.resolve.hints import hints

        with answer.provider.within(_EXPLAINED_WITHIN_SECONDS):
            conflict = least(answer)
            found = hints(conflict)
        raise explain(conflict, found)
    return answer
