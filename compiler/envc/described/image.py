"""A file system that nobody has started: a tree of folders, files and links, read as a disk is.

Paths are those that its own processes would use: links lead to places in it, whatever they say.
"""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeAlias

from envc.described.survey import Disk, asked
from envc.model.value import value

_MOST_LINKS = 40


@value
class Link:
    """A symbolic link."""

    target: str


class File(ABC):
    """A file, of an archive or of an unpacked root."""

    @abstractmethod
    def read(self, most: int) -> bytes:
        """What it starts with.

        Raises:
            OSError: it cannot be read.
        """


class Folder(ABC):
    """A folder, of an archive or of an unpacked root."""

    @property
    @abstractmethod
    def seconds(self) -> int:
        """When it was changed."""

    @abstractmethod
    def child(self, name: str) -> "Node | None":
        """What stands in it by that name."""

    @abstractmethod
    def children(self) -> Iterator[tuple[str, str]]:
        """All names in it, each with what it is: `folder`, `file` or `link`."""


Node: TypeAlias = File | Link | Folder


class Image(Disk):
    """A tree as a disk: nothing of it is run, and no path leads out of it."""

    def __init__(self, root: Folder) -> None:
        self._root = root

    def scan(self, path: str) -> Iterator[tuple[str, str]]:
        """The names in a folder, each with what it is: `folder`, `file` or `link`."""
        return self._folder(path).children()

    def read(self, path: str, most: int) -> bytes:
        """What a file starts with.

        Raises:
            OSError: there is none, or nobody has kept what it holds.
        """
        node = self._found(path)[1]
        if not isinstance(node, File):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return node.read(most)

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there, links followed."""
        with suppress(OSError):
            return isinstance(self._found(path)[1], Folder)
        return False

    def exists(self, path: str) -> bool:
        """Whether anything is there, links followed."""
        with suppress(OSError):
            self._found(path)
            return True
        return False

    def real(self, path: str) -> str:
        """The path without links; as it is where nothing is there."""
        with suppress(OSError):
            return self._found(path)[0]
        return os.path.normpath(path)

    def seconds(self, path: str) -> int:
        """When a folder was changed."""
        return self._folder(path).seconds

    def rows(self, path: str, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a database, for a second at most."""
        import sqlite3

        database = sqlite3.connect(":memory:")
        database.deserialize(self.read(path, 1 << 28))
        yield from asked(database, query)

    def _folder(self, path: str) -> Folder:
        node = self._found(path)[1]
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return node

    def _found(self, path: str) -> tuple[str, Node]:
        """A path without links, and what is there."""
        waiting = path.split("/")[::-1]
        names: list[str] = []
        folders: list[Node] = [self._root]
        links = 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                names, folders = names[:-1], folders[:1] + folders[1:-1]
                continue
            here = folders[-1]
            node = here.child(part) if isinstance(here, Folder) else None
            if node is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if isinstance(node, Link):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if node.target.startswith("/"):
                    names, folders = [], folders[:1]
                waiting += node.target.split("/")[::-1]
                continue
            names.append(part)
            folders.append(node)
        return "/" + "/".join(names), folders[-1]


class PlacedFile(File):
    """A file of an unpacked root."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, most: int) -> bytes:
        """What it starts with; of no other kind of file than a regular one."""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
        with os.fdopen(os.open(self._path, flags), "rb") as file:
            return file.read(most) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""


class PlacedFolder(Folder):
    """A folder of an unpacked root, looked into when somebody asks."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def seconds(self) -> int:
        """When it was changed."""
        return int(os.stat(self._path).st_mtime)

    def child(self, name: str) -> Node | None:
        """What stands in it by that name."""
        path = f"{self._path}/{name}"
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(mode):
            return Link(os.readlink(path))
        return PlacedFolder(path) if stat.S_ISDIR(mode) else PlacedFile(path)

    def children(self) -> Iterator[tuple[str, str]]:
        """All names in it, each with what it is."""
        return Disk().scan(self._path)
