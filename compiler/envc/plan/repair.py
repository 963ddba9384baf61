"""What differs from what was published → the steps that mend it, and what nothing can mend."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from envc.model.manifest import Difference, Entry, Manifest
from envc.model.plan import MakeSymlink, WriteFile

# The sound file to link a path from, the content to write, or None where neither is known.
Source: TypeAlias = "Callable[[str], str | WriteFile | None]"


class RemovePath(NamedTuple):
    """Remove what was never published."""

    path: str


class MakeFolder(NamedTuple):
    """Make a folder, or set its mode right; whatever else stands there goes."""

    path: str


class LinkFile(NamedTuple):
    """Link a file from a sound copy of it."""

    path: str
    source: str


class SetMode(NamedTuple):
    """Set the mode of a file right, which all its names share."""

    path: str
    mode: int


Step = RemovePath | MakeFolder | LinkFile | WriteFile | MakeSymlink | SetMode


class TreeRepair(NamedTuple):
    """The steps, each folder before what stands in it; and paths that nothing can mend."""

    steps: tuple[Step, ...]
    lost: tuple[str, ...]


def plan_tree_repair(
    manifest: Manifest, differences: Iterable[Difference], source: Source
) -> TreeRepair:
    """How a tree becomes what its manifest says; `source` tells where a file can be had."""
    entries = {entry.path: entry for entry in manifest.entries()}
    steps: list[Step] = []
    lost: list[str] = []
    for difference in differences:
        if difference.kind == "extra":
            steps.append(RemovePath(difference.path))
            continue
        for entry in _concerned(entries, difference):
            step = _step(entry, source)
            if step is None:
                lost.append(entry.path)
            else:
                steps.append(step)
    return TreeRepair(tuple(steps), tuple(lost))


def plan_mode_repair(manifest: Manifest) -> tuple[SetMode, ...]:
    """How every mode of a tree becomes right, where nothing else of it differs."""
    entries = (entry for entry in manifest.entries() if entry.kind != "l")
    return tuple(SetMode(entry.path, entry.mode) for entry in entries)


def _concerned(entries: dict[str, Entry], difference: Difference) -> Iterator[Entry]:
    """The entry itself; where a folder is gone, all that it held."""
    if difference.path in entries:
        yield entries[difference.path]
    is_root = difference.path == "."
    if difference.kind != "mode" and (is_root or entries[difference.path].kind == "d"):
        below = "" if is_root else f"{difference.path}/"
        yield from (
            entry
            for path, entry in entries.items()
            if path.startswith(below) and path != difference.path
        )


def _step(entry: Entry, source: Source) -> Step | None:
    match entry.kind:
        case "d":
            return MakeFolder(entry.path)
        case "l":
            return MakeSymlink(entry.path, entry.content)
    found = source(entry.path)
    return LinkFile(entry.path, found) if isinstance(found, str) else found
