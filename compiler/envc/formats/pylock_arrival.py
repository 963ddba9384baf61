"""A `pylock.toml` → what it pins, so that another lock can begin from it.

Source: PEP 751. How a lock is materialized as it is: `pylock_read`.
"""

from collections.abc import Iterator, Mapping, Sequence
from posixpath import join, normpath
from typing import Any

from packaging.pylock import Package, Pylock, PylockValidationError

from envc.errors import Fault
from envc.formats.arrival import (
    LockedEntry,
    arrival_of_lock,
    checked_marker,
    git_place,
    is_hash,
    path_place,
    refuse_unknown,
    with_digest,
)
from envc.formats.pylock_read import without_choices
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival
from envc.model.value import replace


def read_pylock(
    text: bytes,
    file: str,
    folder: str,
    asked: Sequence[str] | None,
    *,
    extras: frozenset[str] = frozenset(),
    groups: frozenset[str] = frozenset(),
) -> Arrival:
    """What a `pylock.toml` in `folder` brings, for these extras and groups beside the default ones.

    `asked` is as for `arrival_of_lock`.

    Raises:
        SpecError: it is none.
    """
    tree = Tree.of(text, file)
    try:
        pylock = Pylock.from_dict(tree.data)
    except (PylockValidationError, ValueError, TypeError) as error:
        raise tree.refuse(f"not a lock file (PEP 751): {error}") from error
    refuse_unknown("extra", extras, pylock.extras or (), file)
    refuse_unknown("group", groups, pylock.dependency_groups or (), file)
    entries: list[LockedEntry] = []
    left_out: list[Fault] = []
    chosen = groups | frozenset(pylock.default_groups or ())
    for place, package in enumerate(pylock.packages):
        here = tree.at("packages", place)
        try:
            entries.append(_entry(package, here, folder, (extras, chosen)))
        except _UnversionedError:
            told = f"{package.name}, which the lock pins to no version"
            left_out.append(Fault(told, here.line, "ask for it under requires"))
    found = arrival_of_lock(entries, asked, left_out=left_out)
    return replace(found, python=str(pylock.requires_python or ""))


class _UnversionedError(Exception):
    """An entry without a version, and without a place of its own."""


def _entry(
    package: Package, tree: Tree, folder: str, choice: tuple[frozenset[str], frozenset[str]]
) -> LockedEntry:
    hashes = [each.hashes for each in package.wheels or ()]
    if package.sdist is not None:
        hashes.append(package.sdist.hashes)
    place = _place(package, folder)
    if package.version is None and not place:
        raise _UnversionedError
    marker = without_choices(str(package.marker), *choice) if package.marker is not None else ""
    return LockedEntry(
        project=package.name,
        version=str(package.version or ""),
        where=tree.line,
        marker=checked_marker(marker, tree.at("marker")),
        hashes=tuple(sorted({text for each in hashes for text in _hashes(each)})),
        place=place,
        index=package.index or "",
        has_wheel=bool(package.wheels),
        needs=tuple(each["name"] for each in package.dependencies or () if "name" in each),
    )


def _hashes(told: Mapping[str, Any]) -> Iterator[str]:
    for algorithm, digits in told.items():
        if is_hash(text := f"{algorithm.lower()}:{str(digits).lower()}"):
            yield text


def _place(package: Package, folder: str) -> str:
    vcs, archive, directory = package.vcs, package.archive, package.directory
    if vcs is not None:
        url = vcs.url or path_place(normpath(join(folder, vcs.path or "")))
        return git_place(url, vcs.commit_id, vcs.subdirectory or "")
    if archive is not None:
        place = archive.url or path_place(normpath(join(folder, archive.path or "")))
        return with_digest(place, tuple(_hashes(archive.hashes)))
    if directory is not None:
        return path_place(normpath(join(folder, directory.path)))
    return ""
