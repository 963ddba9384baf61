"""What keeps generations alive → which of them stay, and why, and which may go."""

from collections.abc import Sequence
from typing import NamedTuple


class Standing(NamedTuple):
    """A generation that stands in a folder, and how long ago it was the current one.

    `in_use`: a process holds its lease; `hidden`: why one may do so unseen, None: none can.
    """

    number: int
    age_seconds: float
    in_use: bool
    hidden: str | None = None


class Keeping(NamedTuple):
    """What is to be kept beside the current generation: the newest, young, pinned and wanted.

    `younger_than_seconds` is of all, `hidden_younger_than_seconds` of what may be in use unseen.
    """

    current: int | None
    newest: int
    younger_than_seconds: float
    hidden_younger_than_seconds: float
    pinned: frozenset[int]
    wanted: frozenset[int]


class Collection(NamedTuple):
    """Every generation's number → why it stays, None: it may go; in order of number."""

    reasons: dict[int, str | None]

    @property
    def leaving(self) -> tuple[int, ...]:
        """The generations that may go."""
        return tuple(number for number, reason in self.reasons.items() if reason is None)


def plan_collection(standing: Sequence[Standing], keeping: Keeping) -> Collection:
    """Which of the generations stay; the first reason that holds is the one that is told."""
    ascending = sorted(standing)
    newest = {each.number for each in ascending[-keeping.newest :]} if keeping.newest else set()
    return Collection({each.number: _reason(each, newest, keeping) for each in ascending})


def _reason(standing: Standing, newest: set[int], keeping: Keeping) -> str | None:
    is_hidden = standing.hidden is not None
    holds = (
        ("current", standing.number == keeping.current),
        ("pinned", standing.number in keeping.pinned),
        ("newest", standing.number in newest),
        ("young", standing.age_seconds < keeping.younger_than_seconds),
        ("in use", standing.in_use),
        ("wanted", standing.number in keeping.wanted),
        (
            f"perhaps in use: {standing.hidden}",
            is_hidden and standing.age_seconds < keeping.hidden_younger_than_seconds,
        ),
    )
    return next((reason for reason, is_so in holds if is_so), None)
