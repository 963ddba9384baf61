"""Pins, advisories → which of the pins have known vulnerabilities.

A release is affected where an advisory names its version, or where one of its ranges holds it, by
the algorithm of the OSV schema ("Evaluation"), versions being ordered as PEP 440 has it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from envc.model.advisory import Advisory, AffectedProject, VersionRange
from envc.model.value import value

# What OSV writes for "from the first release on".
_FIRST = "0"
_NO_LIMIT = "*"
_BEFORE_ALL = Version("0.dev0")


@value(kw_only=True)
class Vulnerability:
    """One vulnerability of a release, by all its names; `fixed_in` are releases, oldest first.

    Those are the ends of the ranges that hold the release; none: nobody has mended it.
    """

    names: tuple[str, ...]
    summary: str
    severity: str
    fixed_in: tuple[str, ...]


def vulnerabilities(
    project: NormalizedName, version: str, advisories: Iterable[Advisory]
) -> tuple[Vulnerability, ...]:
    """The known vulnerabilities of a release, each once, in order of name.

    Of a local version (`2.8.0+cu126`) the release that it was built from is judged.
    """
    present = Version(version)
    released = Version(present.public)
    found = [
        (advisory, sorted(_fixes(affected, released)))
        for advisory in advisories
        for affected in advisory.affected
        if affected.project == project and _is_affected(affected, released)
    ]
    return tuple(
        Vulnerability(
            names=names,
            summary=next((each.summary for each, _ in alike if each.summary), ""),
            severity=next((each.severity for each, _ in alike if each.severity), ""),
            fixed_in=tuple(
                dict.fromkeys(str(fix) for fix in sorted(f for _, fs in alike for f in fs))
            ),
        )
        for names, alike in _alike(found)
    )


Found = tuple[Advisory, list[Version]]


def _alike(found: Sequence[Found]) -> Iterator[tuple[tuple[str, ...], list[Found]]]:
    """The advisories by what they are about: several databases have one under several names."""
    groups: list[tuple[set[str], list[Found]]] = []
    for each in found:
        names = {each[0].id, *each[0].aliases}
        joined = [each]
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            names |= group[0]
            joined = [*group[1], *joined]
        groups.append((names, joined))
    for names, alike in sorted(groups, key=lambda group: min(each.id for each, _ in group[1])):
        own = sorted({each.id for each, _ in alike})
        yield (*own, *sorted(names.difference(own))), alike


def _is_affected(affected: AffectedProject, released: Version) -> bool:
    if any(_version(text) == released for text in affected.versions):
        return True
    return any(_holds(each, released) for each in affected.ranges)


def _holds(found: VersionRange, released: Version) -> bool:
    limits = [limit for kind, limit in found.events if kind == "limit" and limit != _NO_LIMIT]
    bounds = list(filter(None, map(_version, limits)))
    if bounds and not any(released < bound for bound in bounds):
        return False
    is_affected = False
    for kind, bound in _ordered(found):
        if kind == "introduced" and released >= bound:
            is_affected = True
        elif (kind == "fixed" and released >= bound) or (
            kind == "last_affected" and released > bound
        ):
            is_affected = False
    return is_affected


def _fixes(affected: AffectedProject, released: Version) -> set[Version]:
    """The first release after this one that ends each range."""
    found: set[Version] = set()
    for each in affected.ranges:
        later = [bound for kind, bound in _ordered(each) if kind == "fixed" and bound > released]
        found |= {min(later)} if later else set()
    return found


def _ordered(found: VersionRange) -> list[tuple[str, Version]]:
    """The events that begin and end it, oldest first; at one version, beginnings come first."""
    known: list[tuple[str, Version]] = []
    for kind, text in found.events:
        bound = _version(text) if text != _FIRST else None
        if kind == "introduced":
            known.append((kind, bound or _BEFORE_ALL))
        elif bound is not None and kind != "limit":
            known.append((kind, bound))
    return sorted(known, key=lambda event: (event[1], event[0] != "introduced"))


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def by_project(advisories: Iterable[Advisory]) -> Mapping[NormalizedName, list[Advisory]]:
    """The advisories of each project."""
    found: dict[NormalizedName, list[Advisory]] = {}
    for advisory in advisories:
        for project in {affected.project for affected in advisory.affected}:
            found.setdefault(project, []).append(advisory)
    return found
