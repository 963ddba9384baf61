"""A mapping that never changes, of which the next one is made by little work, however large it is.

The items stand in order in buckets; the next mapping has new ones for what changed, and shares all
others: a change of one item among 10,000 copies some two hundred references.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Generic, TypeVar

Item = TypeVar("Item")

_BUCKET = 128


class Ledger(Mapping[str, Item], Generic[Item]):
    """Items by name, in the order in which they were given; only `after` makes another one."""

    __slots__ = ("_buckets", "_places")

    def __init__(self, items: Mapping[str, Item]) -> None:
        left = iter(items.items())
        filled = iter(lambda: dict(islice(left, _BUCKET)), {})
        self._buckets: tuple[dict[str, Item], ...] = tuple(filled)
        self._places = {
            name: place for place, bucket in enumerate(self._buckets) for name in bucket
        }

    def after(self, changes: Mapping[str, Item]) -> "Ledger[Item]":
        """The next one: some items of this one are others.

        Raises:
            KeyError: this one has no such item.
        """
        buckets = list(self._buckets)
        for place in {self._places[name] for name in changes}:
            buckets[place] = dict(buckets[place])
        for name, item in changes.items():
            buckets[self._places[name]][name] = item
        made: Ledger[Item] = object.__new__(type(self))
        made._buckets, made._places = tuple(buckets), self._places
        return made

    def __getitem__(self, name: str) -> Item:
        return self._buckets[self._places[name]][name]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._buckets)

    def __len__(self) -> int:
        return len(self._places)
