"""What somebody did to a tree without envc: installed, removed (with pip, say), or edited."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from envc.disk.sights import holds_until, times_of
from envc.errors import Fault, shell_word
from envc.model.generation import Generation
from envc.model.manifest import PUBLISHED_MTIME_SECONDS, path_of
from envc.target.directory import Directory

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

# So long may `envc run` look for sources that were edited.
GLANCE_SECONDS = 0.02
_SHOWN = 3
_DIST_INFO = re.compile(r"(?P<project>[^-]+)-(?P<version>[^-]+)\.dist-info")


class Foreign(NamedTuple):
    """A project that a tree has and its lock has not.

    `requested` tells whether it was asked for, or came as what another one requires (PEP 376).
    """

    project: "NormalizedName"
    version: str
    requested: bool


class ByHand(NamedTuple):
    """What differs from the lock, each in order of name."""

    installed: tuple[Foreign, ...]
    removed: tuple[str, ...]

    def told(self, folder: str) -> list[Fault]:
        """What to tell the person whose overlay it is, and how to mend it.

        A repair would take away what was installed, so that is adopted first.
        """
        found: list[Fault] = []
        mend = f"`envc repair --overlay {shell_word(folder)}` brings it back"
        if self.installed:
            names = ", ".join(f"{each.project} {each.version}" for each in self.installed)
            what = f"installed by hand: {names}; no spec knows of it, and the next generation is "
            adopt = f"`envc overlay adopt --dir {shell_word(folder)}` writes it into the spec"
            found.append(Fault(f"{what}without it", mend=adopt))
            mend = f"`envc overlay adopt --dir {shell_word(folder)}` builds that anew, too"
        if self.removed:
            found.append(Fault(f"removed by hand: {', '.join(self.removed)}", mend=mend))
        return found

    def said(self, folder: str) -> list[str]:
        """The same, a sentence each."""
        return [f"{each.what}; {each.mend}" for each in self.told(folder)]


class Edited(NamedTuple):
    """Sources that are not as they were published, in order; whether all were looked at."""

    paths: tuple[str, ...]
    is_complete: bool

    def said(self, folder: str) -> str:
        """What to tell the person whose overlay it is, where there are some."""
        shown = ", ".join(self.paths[:_SHOWN])
        more = f" and {len(self.paths) - _SHOWN} more" if len(self.paths) > _SHOWN else ""
        return (
            f"edited by hand: {shown}{more}; Python goes on with the bytecode of what was "
            f"published; `envc repair --overlay {shell_word(folder)}` brings that back, and "
            "`envc overlay add -e` takes a project of yours from where you edit it"
        )


def edited_sources(
    directory: Directory,
    current: Generation,
    *,
    seconds: float = GLANCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Edited:
    """The published sources of an overlay that somebody wrote since, as their times tell.

    Folders that changed last come first, and after so many seconds it ends; no base is looked at.
    """
    (layer,) = current.layers
    tree = directory.tree(current.generation, layer)
    deadline = clock() + seconds
    waiting = [(0, directory.site_packages(current, layer))]
    found: list[str] = []
    is_complete = True
    while waiting and is_complete:
        for entry in _entries(heappop(waiting)[1]):
            is_complete = clock() <= deadline
            if not is_complete:
                break
            with suppress(FileNotFoundError):
                changed_seconds = int(os.lstat(entry.path).st_mtime)
                if entry.is_dir(follow_symlinks=False):
                    heappush(waiting, (-changed_seconds, entry.path))
                elif changed_seconds != PUBLISHED_MTIME_SECONDS:
                    found.append(os.path.relpath(entry.path, tree))
    if not is_complete:
        holds_until(0)
    if found:
        lines = directory.manifest(current.generation, layer).lines
        published = {os.fsdecode(path_of(line)) for line in lines}
        found = [path for path in found if path in published]
    return Edited(tuple(sorted(found)), is_complete)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """The sources in a folder, and its folders that may hold some."""
    try:
        with os.scandir(folder) as entries:
            return [
                entry
                for entry in entries
                if not entry.is_symlink()
                and (entry.name.endswith(".py") or entry.is_dir())
                and entry.name != "__pycache__"
            ]
    except OSError:
        return []


def by_hand(directory: Directory, current: Generation) -> ByHand:
    """What the current generation's trees have beside, or lack of, what was published.

    Only names are compared; `envc verify` compares contents. One stat, where nothing differs.
    """
    installed: list[Foreign] = []
    removed: set[str] = set()
    for name, layer in current.layers.items():
        folder = directory.site_packages(current, name)
        if _is_as_published(folder):
            continue
        published = {wheel.project: wheel.version for wheel in layer.wheels}
        present = _distributions(folder)
        installed += [
            each for each in present if not _is_version(each.version, published.get(each.project))
        ]
        removed |= published.keys() - {str(each.project) for each in present}
    in_order = sorted(installed, key=attrgetter("project", "version"))
    return ByHand(tuple(in_order), tuple(sorted(removed)))


def is_as_published(directory: Directory, current: Generation) -> bool:
    """Whether nobody has added or removed a name in any tree of a generation."""
    return all(_is_as_published(directory.site_packages(current, name)) for name in current.layers)


def _is_as_published(folder: str) -> bool:
    """Whether nobody has added or removed a name since; its time would have changed."""
    try:
        return times_of(folder).st_mtime == PUBLISHED_MTIME_SECONDS
    except OSError:
        return False


def _is_version(found: str, published: str | None) -> bool:
    """Whether two spellings mean one version: folder names need not be normalized."""
    from packaging.version import InvalidVersion, Version

    try:
        return published is not None and Version(found) == Version(published)
    except InvalidVersion:
        return found == published


def _distributions(folder: str) -> list[Foreign]:
    from packaging.utils import InvalidName, canonicalize_name  # few trees were touched

    found: list[Foreign] = []
    with suppress(OSError):
        for name in os.listdir(folder):
            match = _DIST_INFO.fullmatch(name)
            if match is None:
                continue
            with suppress(InvalidName):
                project = canonicalize_name(match["project"], validate=True)
                requested = os.path.exists(f"{folder}/{name}/REQUESTED")
                found.append(Foreign(project, match["version"], requested))
    return found
