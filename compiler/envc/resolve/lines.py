"""The `Requires-Dist` lines of a release → the requirements that hold on a kind of machine.

A resolution reads hundreds of lines, nearly all of one plain form, and of markers the same few:
plain lines are put together from parts that are parsed once. The library parses all others.
Source: PEP 508.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envc.model.release import CoreMetadata
from envc.model.spec import LONGEST_REQUIREMENT, has_endless_number

_CLAUSE = r"(?:~=|==|!=|<=|>=|<|>)[ \t]*[A-Za-z0-9.*+!_-]+"
_CLAUSES = rf"{_CLAUSE}(?:[ \t]*,[ \t]*{_CLAUSE})*"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# A name, specifiers with or without brackets, a marker: no extras, no URL.
_PLAIN = re.compile(
    r"[ \t]*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*"
    rf"(?:({_CLAUSES})|\([ \t]*({_CLAUSES})[ \t]*\))?[ \t]*(?:;(.+))?"
)


class Unread(str):
    """A line that nobody can say of what it requires."""

    __slots__ = ()

    def project(self) -> NormalizedName:
        """The project that the line begins with; empty where it does not begin with a name."""
        name = _NAME.match(self)
        return canonicalize_name(name[0] if name else "")


class Lines:
    """What lines hold on an environment of markers, `extra` left out."""

    def __init__(self, markers: Mapping[str, str]) -> None:
        self._plain = {**markers, "extra": ""}
        self._held: dict[tuple[str, str], bool] = {}

    def holding(
        self, metadata: CoreMetadata, extra: NormalizedName | None
    ) -> Iterator[Requirement | Unread]:
        """The requirements of a release that hold, in their order: without an extra, or by it.

        Extras are compared in normalized form (PEP 685). A line that no standard reads, or whose
        marker compares what has no order, may hold or not: it is given as it is written.
        """
        for text in metadata.requires:
            if extra is None and "extra" in text and _only_by_extra(text):
                continue
            requirement = requirement_of(text)
            if requirement is None:
                yield Unread(text)
                continue
            try:
                applies = self._applies(requirement.marker, extra)
            except (UndefinedComparison, UndefinedEnvironmentName):
                yield Unread(text)
                continue
            if applies:
                yield requirement

    def _applies(self, marker: Marker | None, extra: NormalizedName | None) -> bool:
        holds = marker is None or self._holds(marker, "")
        if extra is None:
            return holds
        return marker is not None and not holds and self._holds(marker, extra)

    def _holds(self, marker: Marker, extra: str) -> bool:
        key = (str(marker), extra)
        if key not in self._held:
            self._held[key] = marker.evaluate({**self._plain, "extra": extra})
        return self._held[key]


@lru_cache(maxsize=1 << 16)
def requirement_of(text: str) -> Requirement | None:
    """The requirement of a line; None for one that no standard reads, or that has no end."""
    if len(text) > LONGEST_REQUIREMENT or has_endless_number(text):
        return None
    plain = _PLAIN.fullmatch(text)
    try:
        if plain is not None:
            name, bare, bracketed, marker = plain.groups()
            return _put_together(name, bare or bracketed or "", marker)
        return Requirement(text)
    except (InvalidRequirement, InvalidSpecifier, InvalidMarker):
        return None


def _put_together(name: str, specifier: str, marker: str | None) -> Requirement:
    requirement = Requirement.__new__(Requirement)
    requirement.name = name
    requirement.url = None
    requirement.extras = set()
    requirement.specifier = _specifier(specifier)
    requirement.marker = None if marker is None else _marker(marker.strip())
    return requirement


_specifier = lru_cache(maxsize=4096)(SpecifierSet)
_marker = lru_cache(maxsize=4096)(Marker)


def _only_by_extra(text: str) -> bool:
    """Whether a line plainly ends in `; extra == "…"`: most lines do, and need no parsing."""
    _, _, marker = text.partition(";")
    marker = marker.strip()
    return marker.startswith("extra ==") and " or " not in marker and " and " not in marker
