"""Pins without a search: each project's first choice, as long as nobody contradicts it.

resolvelib looks at every project again in each of its rounds. Where no choice ever has to be taken
back, which is the rule, this gives the same pins: it chooses in the same order (`preference`) from
the same candidates, and looks only at what has changed.
"""

from typing import TYPE_CHECKING, Any

from envc.resolve.demand import Candidate, Demand, parts_of, preference
from envc.resolve.provider import Provider

if TYPE_CHECKING:
    from envc.resolve.scout import Scout


def straight(provider: Provider, roots: list[Demand]) -> list[Candidate] | None:
    """The candidates that meet the demands, in order of choice; None: one was contradicted.

    Raises:
        OutsideError: an index did not answer.
    """
    walk = _Walk(provider)
    provider.prefetch(roots)
    agrees = walk.takes(roots)
    while agrees and walk.waiting:
        agrees = walk.pins_next()
    return list(walk.pins.values()) if agrees else None


class _Walk:
    """What is known so far; `waiting` are the identities to be pinned, each with its turn."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._demands: dict[str, list[Demand]] = {}
        self._first: dict[str, Candidate] = {}
        self._sent_ahead: Scout | None = None
        self.waiting: dict[str, tuple[Any, ...]] = {}
        self.pins: dict[str, Candidate] = {}

    def takes(self, demands: list[Demand]) -> bool:
        """Whether nothing that is pinned contradicts these demands, and each has a candidate."""
        scout = self._scout()
        if scout is not None:
            scout.hear(demands)
        return all(map(self._takes, demands))

    def pins_next(self) -> bool:
        """Pin the identity whose turn it is; whether nothing is contradicted by its demands."""
        self._look_ahead()
        key = min(self.waiting, key=self.waiting.__getitem__)
        if parts_of(key)[1] is not None and not self._chooses(key):
            return False  # what binds its project may have come later
        candidate = self.pins[key] = self._first[key]
        del self.waiting[key]
        return self.takes(self._provider.look_into(candidate))

    def _look_ahead(self) -> None:
        scout = self._scout()
        if scout is not None:
            scout.look()

    def _scout(self) -> "Scout | None":
        """Who looks ahead, where answers are waited for: with a warm cache nobody does."""
        if self._sent_ahead is None and self._provider.source.is_far():
            from envc.resolve.scout import Scout

            self._sent_ahead = Scout(self._provider)
        return self._sent_ahead

    def _takes(self, demand: Demand) -> bool:
        key = demand.key
        demands = self._demands.setdefault(key, [])
        demands.append(demand)
        if key in self.pins:
            return demand.accepts(self.pins[key].version)
        self.waiting[key] = preference(key, demands)
        first = self._first.get(key)
        return (first is not None and demand.accepts(first.version)) or self._chooses(key)

    def _chooses(self, key: str) -> bool:
        """Find the first choice for an identity; whether there is one."""
        self._look_ahead()
        project, extra = parts_of(key)
        demands = list(self._demands[key])
        if extra is not None:
            demands += self._demands.get(project, [])
        found = next(self._provider.matches(project, extra, demands=demands), None)
        if found is None:
            return False
        self._first[key] = found
        self._provider.prefetch_metadata(found)
        return True
