"""Files of a tree, written by folder descriptors: no link planted meanwhile is ever followed."""

import hashlib
import os
from collections.abc import Iterable

from envc.disk.closing import Closing
from envc.model.manifest import DIRECTORY_MODE, PUBLISHED_MTIME_SECONDS, Entry, published_ns

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)


class TreeWriter(Closing):
    """Writes below one folder that exists. Holds a descriptor for each folder of one path.

    Files of one folder should come one after another: folders are opened when the path changes.
    Paths are those of entries (`names.name_problem`), encoded as UTF-8 whatever the locale.
    """

    def __init__(self, root: str) -> None:
        self._parts: list[bytes] = []
        self._descriptors = [os.open(root, _FOLDER_FLAGS)]

    def close(self) -> None:
        """Let go of the folders."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def write(self, path: str, chunks: Iterable[bytes | memoryview], mode: int) -> Entry:
        """Write a new file of that exact mode, and the time of its content; its manifest entry.

        Raises:
            OSError: the disk refuses, or something stands there already.
        """
        *folders, name = path.encode().split(b"/")
        self._enter(folders)
        hasher = hashlib.sha256()
        size = 0
        descriptor = os.open(name, _FILE_FLAGS, 0o600, dir_fd=self._descriptors[-1])
        try:
            for chunk in chunks:
                hasher.update(chunk)
                size += len(chunk)
                _write_all(descriptor, chunk)
            content = hasher.hexdigest()
            os.fchmod(descriptor, mode)
            os.utime(descriptor, ns=(published_ns(content),) * 2)
        finally:
            os.close(descriptor)
        return Entry("f", mode, size, content, path)

    def seal(self, folder: str) -> None:
        """Give a finished folder the mode and time that all folders of a tree have."""
        self._enter(folder.encode().split(b"/") if folder else [])
        os.fchmod(self._descriptors[-1], DIRECTORY_MODE)
        os.utime(self._descriptors[-1], _PUBLISHED)

    def _enter(self, folders: list[bytes]) -> None:
        """Make the folder the present one; missing ones are made on the way."""
        shared = 0
        for present, wanted in zip(self._parts, folders, strict=False):
            if present != wanted:
                break
            shared += 1
        while len(self._parts) > shared:
            os.close(self._descriptors.pop())
            self._parts.pop()
        for part in folders[shared:]:
            above = self._descriptors[-1]
            try:
                descriptor = os.open(part, _FOLDER_FLAGS, dir_fd=above)
            except FileNotFoundError:
                os.mkdir(part, 0o700, dir_fd=above)
                descriptor = os.open(part, _FOLDER_FLAGS, dir_fd=above)
            self._descriptors.append(descriptor)
            self._parts.append(part)


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    """Write a chunk to its end: one call may take only part of it."""
    written = os.write(descriptor, chunk)
    while written < len(chunk):
        written += os.write(descriptor, memoryview(chunk)[written:])
