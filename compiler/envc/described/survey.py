"""A look at a disk, in bounds: what is read there, and what is left out.

The first part of the program that `envc describe` has foreign interpreters run (`ask.script`): of
the standard library, for Python 3.8 and newer. envc itself reads images with it: a `Disk` may be
one that nothing is run of.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MOST_NOTES = 200
MOST_LISTED = 200_000
MOST_WALKED = 200_000
MOST_TEXT_BYTES = 1 << 19
MOST_RECORD_BYTES = 1 << 25
DEEPEST = 40
MOST_SECONDS = 40

BINARY = re.compile(r"\.(so|pyd|dylib)(\.|$)")
# What makes a package join others of its name, as `store/contents.py` takes it.
JOINERS = ("extend_path", "declare_namespace")
JOINING = re.compile(rf"^[^#\n]*\b(?:{'|'.join(JOINERS)})\s*(?:\(|as\b)", re.MULTILINE)


class Disk:
    """The files of this machine."""

    def scan(self, path: str) -> Iterator[tuple[str, str]]:
        """The names in a folder, each with what it is: `folder`, `file` or `link`."""
        with os.scandir(path) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                yield (
                    entry.name,
                    "link" if entry.is_symlink() else "folder" if is_folder else "file",
                )

    def read(self, path: str, most: int) -> bytes:
        """What a regular file starts with, no more than so many bytes."""
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(most) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there, links followed."""
        return os.path.isdir(path)

    def exists(self, path: str) -> bool:
        """Whether anything is there, links followed."""
        return os.path.exists(path)

    def real(self, path: str) -> str:
        """The path without links."""
        return os.path.realpath(path)

    def seconds(self, path: str) -> int:
        """When a folder was changed."""
        return int(os.stat(path).st_mtime)

    def rows(self, path: str, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a database, for a second at most."""
        import sqlite3
        from urllib.parse import quote

        yield from asked(
            sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True), query
        )


def asked(database: Any, query: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a database that is closed then; an endless query is stopped."""
    end = time.monotonic() + 1
    database.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        yield from database.execute(query)
    finally:
        database.close()


class Survey:
    """One look at a disk: its bounds, and what was left out."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.notes: list[str] = []
        self._started = time.monotonic()
        self._walked = 0
        self._joins: dict[str, bool] = {}

    def is_late(self) -> bool:
        """Whether there is no time for more."""
        return time.monotonic() - self._started > MOST_SECONDS

    def note(self, text: str) -> None:
        """Say once what is left out."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def text(self, path: str, most: int = MOST_TEXT_BYTES) -> str | None:
        """The text of a file, empty where there is none; None where it cannot be read."""
        try:
            content = self.disk.read(path, most + 1)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError:
            return None
        if len(content) > most:
            self.note(f"{path}: only its first {most} bytes were read")
        return content[:most].decode("utf-8", "replace").replace("\0", "\ufffd")

    def joins(self, path: str) -> bool:
        """Whether this file lets other folders of the path add to its package."""
        if path not in self._joins:
            text = ("" if self.is_late() else self.text(path)) or ""
            may_join = any(word in text for word in JOINERS)
            self._joins[path] = may_join and JOINING.search(text) is not None
        return self._joins[path]

    def names(self, path: str, *ends: str) -> list[str]:
        """The names in a folder with these ends; none where it cannot be read."""
        found = []
        try:
            for count, (name, _) in enumerate(self.disk.scan(path)):
                if count >= MOST_LISTED:
                    self.note(f"{path}: has more than {MOST_LISTED} names, and is known in part")
                    break
                if name.endswith(ends):
                    found.append(name)
        except OSError:
            return []
        return sorted(found)

    def object(self, path: str) -> dict[str, Any]:
        """The JSON object in a file; empty where there is none."""
        try:
            found = json.loads(self.text(path, MOST_RECORD_BYTES) or "{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self.note(f"{path}: it is no JSON object")
        return found if isinstance(found, dict) else {}

    def has_binary(self, folder: str) -> bool:
        """Whether a compiled file is below a folder; if nobody can look to its end, it is."""
        waiting = [(folder, 0)]
        while waiting:
            place, depth = waiting.pop()
            try:
                for name, kind in self.disk.scan(place):
                    self._walked += 1
                    if self._walked > MOST_WALKED or depth > DEEPEST or self.is_late():
                        self.note(f"{folder}: not looked through to its end for compiled files")
                        return True
                    if BINARY.search(name):
                        return True
                    if kind == "folder":
                        waiting.append((os.path.join(place, name), depth + 1))
            except OSError:
                continue
        return False


def is_plain(name: str) -> bool:
    """Whether a name can be told: no control character, nothing that is no text."""
    return name.isprintable()


def is_inside(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to."""
    parts = path.split("/")
    return is_plain(path) and {"", ".", ".."}.isdisjoint(parts)
