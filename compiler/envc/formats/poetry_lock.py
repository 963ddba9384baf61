"""`poetry.lock` → what it pins; what was asked for stands in the pyproject.toml beside it.

Source: https://python-poetry.org/docs/; lock-version 1.1 to 2.1.
"""

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


def read_poetry_lock(text: bytes, file: str, folder: str, asked: Sequence[str] | None) -> Arrival:
    """What a `poetry.lock` in `folder` brings; `asked` as for `arrival_of_lock`.

    Raises:
        SpecError: it is none.
    """
    tree = Tree.of(text, file)
    metadata = tree.at("metadata")
    if not metadata.at("lock-version").text().startswith(("1.", "2.")):
        what = "not a poetry.lock of lock-version 1 or 2"
        raise metadata.refuse(what, "make it anew with `poetry lock`")
    old_files = metadata.at("files").table()
    entries = [_entry(each, old_files, folder) for each in tree.at("package").items()]
    return arrival_of_lock(entries, asked)


def _entry(package: Tree, old_files: dict[str, Tree], folder: str) -> LockedEntry:
    name = package.at("name").text()
    files = list(
        (
            package.at("files")
            if package.has("files")
            else old_files.get(name, package.at("files"))
        ).items()
    )
    source = package.at("source")
    kind = source.at("type").text()
    hashes = tuple(text for each in files if is_hash(text := each.at("hash").text()))
    return LockedEntry(
        project=entry_name(package),
        version=entry_version(package),
        where=package.line,
        marker=_marker(package.at("markers")),
        hashes=hashes,
        place=with_digest(_place(source, kind, folder), hashes),
        index=source.at("url").text() if kind == "legacy" else "",
        has_wheel=not files or any(is_wheel(each.at("file").text()) for each in files),
        needs=tuple(_needs(package)),
    )


def _marker(markers: Tree) -> str | None:
    """The marker of an entry; where groups have different ones, it is taken to hold everywhere."""
    return None if isinstance(markers.data, dict) else checked_marker(markers.text(), markers)


def _place(source: Tree, kind: str, folder: str) -> str:
    url, subdirectory = source.at("url").text(), source.at("subdirectory").text()
    match kind:
        case "" | "legacy":
            return ""
        case "git":
            return git_place(url, source.at("resolved_reference").text(), subdirectory)
        case "url":
            return f"{url}#subdirectory={subdirectory}" if subdirectory else url
        case "file" | "directory":
            return path_place(normpath(join(folder, url)))
    raise source.refuse(f"{kind!r} is no source that envc knows")


def _needs(package: Tree) -> Iterator[NormalizedName]:
    yield from map(canonicalize_name, package.at("dependencies").table())
    for lines in package.at("extras").table().values():
        yield from (canonicalize_name(each.text().split(" ")[0]) for each in lines.items())
