"""What editable projects declare by now, beside what their overlay was locked with; nothing is run.

`[project]` of a pyproject.toml is compared with the metadata of the wheel that the lock has. What a
project leaves to its backend (`dynamic`, a setup.py), only building tells: `envc lock --check`.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.formats.core_metadata import wheel_metadata
from envc.model.lock import Lock
from envc.model.value import value
from envc.sites.place import MOST_OF_A_SPEC


@value
class Outdated:
    """An editable project that declares something else than was locked: its folder, and what."""

    project: NormalizedName
    directory: str
    changes: tuple[str, ...]

    def said(self, overlay: str) -> str:
        """What is to be told of an overlay that has it."""
        return (
            f"{self.project} in {self.directory} has changed since overlay {overlay} was locked: "
            f"it {'; '.join(self.changes)}"
        )


def outdated_editables(
    lock: Lock, folder: str, *, owner: int | None = None, user: int | None = None
) -> tuple[Outdated, ...]:
    """The lock's editable projects that declare other metadata now, in order of project.

    `folder` is where the lock stands; only wheels of `owner` and projects of `user` count, where
    they are given. A project or a wheel that is not here, or cannot be read,
    tells nothing.
    """
    found: list[Outdated] = []
    for pin in lock.pins:
        if pin.directory is None or not pin.wheels or pin.wheels[0].path is None:
            continue
        declared = _declared(f"{pin.directory}/pyproject.toml", user)
        locked = _metadata(os.path.join(folder, pin.wheels[0].path), owner)
        if declared is not None and locked is not None:
            changes = tuple(_changes(declared, locked))
            if changes:
                found.append(Outdated(pin.project, pin.directory, changes))
    return tuple(found)


def _opened(path: str, owner: int | None) -> AbstractContextManager[BinaryIO]:
    if owner is None:
        return open(path, "rb")
    from envc.disk import foreign  # few overlays have such projects

    return foreign.opened_of(owner, path)


def _declared(path: str, user: int | None) -> Mapping[str, Any] | None:
    """The `[project]` table, without the fields that it calls dynamic."""
    try:
        with _opened(path, user) as file:
            text = file.read(MOST_OF_A_SPEC + 1)
        project = tomllib.loads(text[:MOST_OF_A_SPEC].decode()).get("project")
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(project, dict):
        return None
    dynamic = project.get("dynamic")
    missing = dict.fromkeys(dynamic) if isinstance(dynamic, list) else {}
    return {"dependencies": [], "requires-python": "", **project, **missing}


def _metadata(wheel: str, owner: int | None) -> RawMetadata | None:
    try:
        with _opened(wheel, owner) as file:
            return parse_email(wheel_metadata(file))[0]
    except (OSError, ValueError):
        return None


def _changes(declared: Mapping[str, Any], locked: RawMetadata) -> Iterator[str]:
    """What the project says now, as far as it says it itself; in words after "it"."""
    requires = declared["dependencies"]
    if isinstance(requires, list):
        now = dict(map(_requirement, map(str, requires)))
        had = dict(map(_requirement, locked.get("requires_dist", [])))
        new = [now[key] for key in now if key not in had]
        gone = [had[key] for key in had if key not in now and "extra ==" not in key]
        if new:
            yield f"requires {', '.join(new)}"
        if gone:
            yield f"no longer requires {', '.join(gone)}"
    python, before = declared["requires-python"], locked.get("requires_python", "")
    if isinstance(python, str) and _plain(SpecifierSet, python) != _plain(SpecifierSet, before):
        yield f"requires Python {python or 'of any version'}"
    version, then = declared.get("version"), locked.get("version", "")
    if isinstance(version, str) and _plain(Version, version) != _plain(Version, then):
        yield f"is version {version}"


def _requirement(text: str) -> tuple[str, str]:
    """A requirement in a form that is the same for all spellings, and as it is written."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return text, text
    parsed.name = canonicalize_name(parsed.name)
    return str(parsed), text


def _plain(kind: type[SpecifierSet | Version], text: str) -> str:
    """A text in the form that is the same for all spellings."""
    try:
        return str(kind(text))
    except ValueError:
        return text
