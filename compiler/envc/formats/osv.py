"""An advisory in the form of OSV (https://ossf.github.io/osv-schema, version 1), read only.

What the form has beside, or may have one day, is passed over; of what is read here, every part has
to be of its type: half an advisory would be no warning.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from envc.errors import SpecError
from envc.model.advisory import Advisory, AffectedProject, VersionRange

Kind = TypeVar("Kind")

_ECOSYSTEM = "PyPI"
_EVENTS = ("introduced", "fixed", "last_affected", "limit")
# Git's ranges name commits: of a release of Python's they tell nothing.
_OF_VERSIONS = ("ECOSYSTEM", "SEMVER")
_LONGEST_SUMMARY = 200


def read_advisory(text: bytes, where: str) -> Advisory | None:
    """The advisory in a file; None: it was withdrawn, or is about no project of Python's.

    Raises:
        SpecError: it is no advisory.
    """
    try:
        found = json.loads(text)
        return _advisory(_of(dict, found, "an object"))
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError(
            f"this is no advisory of OSV: {error}",
            where=where,
            mend="fetch the database anew; only advisories belong there",
        ) from error


def _advisory(found: Mapping[str, Any]) -> Advisory | None:
    name = _text(found, "id")
    if not name:
        raise ValueError("id: it has none")
    if found.get("withdrawn"):
        return None
    affected = tuple(filter(None, map(_affected, _objects(found, "affected"))))
    if not affected:
        return None
    told = _text(found, "summary") or _text(found, "details").split("\n", 1)[0]
    return Advisory(
        id=name,
        aliases=tuple(_texts(found, "aliases")),
        summary=told[:_LONGEST_SUMMARY],
        severity=_text(
            _of(dict, found.get("database_specific") or {}, "database_specific"), "severity"
        ).lower(),
        affected=affected,
    )


def _affected(entry: Mapping[str, Any]) -> AffectedProject | None:
    package = _of(dict, entry.get("package") or {}, "affected.package")
    if _text(package, "ecosystem").split(":")[0] != _ECOSYSTEM:
        return None
    ranges = (
        VersionRange(events=tuple(_events(each)))
        for each in _objects(entry, "ranges")
        if _text(each, "type") in _OF_VERSIONS
    )
    return AffectedProject(
        project=canonicalize_name(_text(package, "name")),
        versions=tuple(_texts(entry, "versions")),
        ranges=tuple(ranges),
    )


def _events(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for event in _objects(found, "events"):
        yield from ((kind, _text(event, kind)) for kind in _EVENTS if kind in event)


def _objects(found: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    return [_of(dict, each, key) for each in _of(list, found.get(key) or [], key)]


def _texts(found: Mapping[str, Any], key: str) -> list[str]:
    return [_of(str, each, key) for each in _of(list, found.get(key) or [], key)]


def _text(found: Mapping[str, Any], key: str) -> str:
    return _of(str, found.get(key) or "", key)


def _of(kind: type[Kind], found: object, what: str) -> Kind:
    if not isinstance(found, kind):
        raise TypeError(f"{what}: it is of another type")
    return found
