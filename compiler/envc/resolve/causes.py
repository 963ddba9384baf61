"""The fewest lines of the specs that contradict each other.

A proof may lean on more than it needs. Each line is left out once, those that are least to blame
first: what the base's specs keep, then constraints, then the layer's own requirements. What can
still be refuted without a line did not need it; so no line of the result can be spared, unless the
time for it was up.
"""

from collections.abc import Collection, Iterable

from envc.errors import TimeIsUpError, UnsatisfiableError
from envc.resolve.demand import Demand
from envc.resolve.prove import Fact, Refutation
from envc.resolve.search import Conflict, refute


def least(conflict: Conflict) -> Conflict:
    """The conflict with only the roots and constraints that it cannot do without."""
    refutation = conflict.refutation
    lines = _lines(conflict, refutation.facts)
    constraints = conflict.provider.constraining()

    def blame(line: Demand) -> tuple[bool, bool, str, str, str]:
        """Less blame sorts first; where a line stands decides only between equal ones."""
        origin = str(line.sourced.origin) if line.sourced is not None else ""
        return (not line.kept, line not in constraints, line.key, line.text, origin)

    for line in sorted(lines, key=blame):
        if line not in lines:
            continue  # a shorter proof has already done without it
        shorter = _refuted_by(conflict, [other for other in lines if other is not line])
        if shorter is not None:
            refutation = shorter
            lines = _lines(conflict, refutation.facts)
    roots = [root for root in conflict.roots if any(_is_of(root, line) for line in lines)]
    return Conflict(conflict.provider, roots, refutation)


def _lines(conflict: Conflict, facts: Iterable[Fact]) -> list[Demand]:
    """The first demand of every line of a spec that a proof leans on: a root or a constraint."""
    starting = [*conflict.roots, *conflict.provider.constraining()]
    leaned_on = {
        id(fact.sourced) for fact in facts if isinstance(fact, Demand) and fact.parent is None
    }
    first: dict[int, Demand] = {}
    for demand in starting:
        if id(demand.sourced) in leaned_on:
            first.setdefault(id(demand.sourced), demand)
    return list(first.values())


def _refuted_by(conflict: Conflict, lines: Collection[Demand]) -> Refutation | None:
    """A proof from these lines alone, or None where they can be met, or nobody can tell."""

    def kept(demands: Iterable[Demand]) -> list[Demand]:
        return [demand for demand in demands if any(_is_of(demand, line) for line in lines)]

    provider = conflict.provider
    try:
        answer = refute(provider, kept(conflict.roots), kept(provider.constraining()))
    except (UnsatisfiableError, TimeIsUpError):
        return None
    return answer if isinstance(answer, Refutation) else None


def _is_of(demand: Demand, line: Demand) -> bool:
    return demand.sourced is line.sourced
