"""`pdm.lock` → what it pins; what was asked for stands in the pyproject.toml beside it.

Source: https://pdm-project.org/en/latest/usage/lockfile/; lock_version 4.
"""

import re
from collections.abc import Iterator, Sequence
from posixpath import join, normpath

from packaging.utils import NormalizedName, canonicalize_name

from envc.formats.arrival import (
    LockedEntry,
    arrival_of_lock,
    checked_marker,
    entry_name,
    entry_version,
    git_place,
    is_hash,
    is_wheel,
    path_place,
    with_digest,
)
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival
from envc.model.value import replace

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def read_pdm_lock(text: bytes, file: str, folder: str, asked: Sequence[str] | None) -> Arrival:
    """What a `pdm.lock` in `folder` brings; `asked` as for `arrival_of_lock`.

    Raises:
        SpecError: it is none.
    """
    tree = Tree.of(text, file)
    metadata = tree.at("metadata")
    if not metadata.at("lock_version").text().startswith("4."):
        raise metadata.refuse("not a pdm.lock of lock_version 4", "make it anew with `pdm lock`")
    entries: dict[tuple[NormalizedName, str, str | None, str], LockedEntry] = {}
    for each in tree.at("package").items():
        entry = _entry(each, folder)
        key = (entry.project, entry.version, entry.marker, entry.place)
        known = entries.get(key)  # an entry with extras says what these need besides
        needs = (*known.needs, *entry.needs) if known is not None else entry.needs
        entries[key] = replace(known or entry, needs=needs)
    return arrival_of_lock(list(entries.values()), asked)


def _entry(package: Tree, folder: str) -> LockedEntry:
    files = list(package.at("files").items())
    names = [each.at("file").text() or each.at("url").text() for each in files]
    hashes = tuple(text for each in files if is_hash(text := each.at("hash").text()))
    return LockedEntry(
        project=entry_name(package),
        version=entry_version(package),
        where=package.line,
        marker=checked_marker(package.at("marker").text(), package.at("marker")),
        hashes=hashes,
        place=with_digest(_place(package, folder), hashes),
        has_wheel=not files or any(map(is_wheel, names)),
        needs=tuple(_needs(package)),
    )


def _place(package: Tree, folder: str) -> str:
    subdirectory = package.at("subdirectory").text()
    if package.has("git"):
        return git_place(package.at("git").text(), package.at("revision").text(), subdirectory)
    if package.has("url"):
        url = package.at("url").text()
        return f"{url}#subdirectory={subdirectory}" if subdirectory else url
    if package.has("path"):
        return path_place(normpath(join(folder, package.at("path").text())))
    return ""


def _needs(package: Tree) -> Iterator[NormalizedName]:
    own = entry_name(package)
    for text in package.at("dependencies").texts():
        name = _NAME.match(text)
        if name is not None and canonicalize_name(name[0]) != own:
            yield canonicalize_name(name[0])
