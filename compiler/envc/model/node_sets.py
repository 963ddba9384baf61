"""Sets of nodes as they stand in a wanted state: `n[1-16,20],login`; `*` is all others.

It is what ClusterShell and Slurm read, too, but nodes need neither to find themselves in it. A
range counts in as many digits as its first number has: `[08-11]` has 08 and 11.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

ALL_OTHERS = "*"

MOST_NODES = 100_000

_PART = r"[^][\s,*]*"
_WORD = re.compile(rf"(?P<before>{_PART})(\[(?P<ranges>[0-9,-]+)\](?P<after>{_PART}))?(?=,|\Z)")
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_SHOWN = 40
_LONGEST = 1 << 20
_NUMBER = re.compile(r"(.*?)([0-9]{1,18})([^0-9]*)", re.DOTALL)


class _Word(NamedTuple):
    """Names that differ in a number, or (no ranges) the one name `before`."""

    before: str
    ranges: tuple[tuple[str, str], ...] = ()
    after: str = ""

    def has(self, name: str) -> bool:
        if not self.ranges:
            return name == self.before
        number = name[len(self.before) : len(name) - len(self.after)]
        if self.before + number + self.after != name or not re.fullmatch("[0-9]{1,18}", number):
            return False
        return any(
            int(first) <= int(number) <= int(last) and number == _written(int(number), first)
            for first, last in self.ranges
        )

    def names(self) -> Iterator[str]:
        if not self.ranges:
            yield self.before
        for first, last in self.ranges:
            for number in range(int(first), int(last) + 1):
                yield f"{self.before}{_written(number, first)}{self.after}"


def node_set(text: str) -> str:
    """The text, if it is a set of nodes, or `ALL_OTHERS`.

    Raises:
        ValueError: it is none, or has more than `MOST_NODES`.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"a set has at most {_LONGEST} characters")
    size = 0
    for word in _words(text):
        size += sum(int(last) - int(first) + 1 for first, last in word.ranges) or 1
        if size > MOST_NODES:
            raise ValueError(f"a set has at most {MOST_NODES} nodes")
    return text


def has_node(nodes: str, name: str) -> bool:
    """Whether a set names a node; `ALL_OTHERS` names none."""
    return any(word.has(name) for word in _words(nodes))


def names_in(nodes: str) -> list[str]:
    """The nodes that a set names; none: `ALL_OTHERS`."""
    return [name for word in _words(nodes) for name in word.names()]


def set_of(names: Iterable[str]) -> str:
    """The nodes as a set; equal ones give the same text."""
    alike: dict[tuple[str, str], set[str]] = defaultdict(set)
    plain: set[str] = set()
    for name in names:
        found = _NUMBER.fullmatch(name)
        if found is None:
            plain.add(name)
        else:
            before, number, after = found.groups()
            alike[before, after].add(number)
    words = [
        f"{before}[{ranges}]{after}" if "-" in ranges or "," in ranges else before + ranges + after
        for (before, after), numbers in alike.items()
        for ranges in [_ranges(numbers)]
    ]
    return ",".join(sorted([*plain, *words]))


def _words(text: str) -> Iterator[_Word]:
    """The words of a set; `ALL_OTHERS` has none."""
    end = -1
    while end < len(text) and text != ALL_OTHERS:
        begin = end + 1  # behind a comma
        found = _WORD.match(text, begin)
        if found is None or found.end() == begin:
            raise ValueError(f"{text[begin:][:_SHOWN]!r} names no nodes")
        end = found.end()
        yield _Word(found["before"], _ends(found["ranges"]), found["after"] or "")


def _ends(ranges: str | None) -> tuple[tuple[str, str], ...]:
    if ranges is None:
        return ()
    found = [_RANGE.fullmatch(each) for each in ranges.split(",")]
    ends = tuple((each[1], each[2] or each[1]) for each in found if each is not None)
    if len(ends) < len(found) or any(int(first) > int(last) for first, last in ends):
        raise ValueError(f"{ranges[:_SHOWN]!r} are no ranges of numbers")
    return ends


def _written(number: int, like: str) -> str:
    return str(number).zfill(len(like))


def _ranges(numbers: Iterable[str]) -> str:
    runs: list[list[str]] = []
    for number in sorted(numbers, key=lambda each: (int(each), len(each))):
        if runs and number == _written(int(runs[-1][-1]) + 1, runs[-1][0]):
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(run) for run in runs)
