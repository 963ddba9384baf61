"""Is a tree what its manifest says?"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from envc.model.difference import Difference
from envc.model.manifest import DIRECTORY_MODE, PUBLISHED_MTIME_SECONDS, Entry, Manifest, path_of
from envc.target.directory import GENERATION_MODE, Directory

# A folder that is gone, or none, or closed to us: that is told of the folder itself.
_CLOSED = (FileNotFoundError, NotADirectoryError, PermissionError)


def verify_tree(
    manifest: Manifest, root: str, *, fast: bool = False, ignore: frozenset[str] = frozenset()
) -> list[Difference]:
    """Every difference between a tree on disk and its manifest, in order of path.

    Reads every byte; `fast` trusts size and modification time instead, which an edit in place
    changes unless it takes care not to. `ignore` names entries at the top of `root` that are no
    part of the tree. Bytecode that programs wrote at run time (`__pycache__`, `.nbi`, `.nbc`) is
    not reported.

    Raises:
        OSError: something cannot be looked at for want of files, memory or a working disk.
    """
    if not is_directory(root):
        return [Difference(".", "missing")]
    found: list[Difference] = []
    # Folders that are none: what stands behind a planted symlink is not the tree's.
    gone: set[str] = set()
    for entry in manifest.entries():
        if gone and entry.path.rpartition("/")[0] in gone:
            if entry.kind == "d":
                gone.add(entry.path)
            continue
        difference = _compare(entry, root, fast)
        if difference:
            found.append(difference)
            if entry.kind == "d" and difference.kind != "mode":
                gone.add(entry.path)
    listed = {path_of(line) for line in manifest.lines}
    found += [Difference(path, "extra") for path in _extra(root, listed, ignore)]
    return sorted(found, key=lambda difference: difference.path.encode())


def _compare(entry: Entry, root: str, fast: bool) -> Difference | None:  # noqa: FBT001 - private
    path = f"{root}/{entry.path}"
    try:
        status = os.lstat(path)
    except OSError:  # also in a directory that is closed to us: it cannot be had
        return Difference(entry.path, "missing")
    kind = _kind_of(status.st_mode)
    if kind != entry.kind:
        return Difference(entry.path, "changed")
    if kind == "l":
        return None if os.readlink(path) == entry.content else Difference(entry.path, "link")
    if kind == "f" and not _is_content(entry, path, status, fast=fast):
        return Difference(entry.path, "changed")
    if stat.S_IMODE(status.st_mode) != entry.mode:
        return Difference(entry.path, "mode")
    return None


def _is_content(entry: Entry, path: str, status: os.stat_result, *, fast: bool) -> bool:
    if status.st_size != entry.size_bytes:
        return False
    if fast:
        return int(status.st_mtime) == PUBLISHED_MTIME_SECONDS
    return _hash_of(path) == entry.content


def mode_differences(directory: Directory, number: int, layer: str) -> Iterator[Difference]:
    """A tree's own folder and its generation's, if their modes are not the published ones.

    Neither is an entry of the tree's manifest; paths are relative to the tree.
    """
    generation = directory.generation(number)
    root = directory.tree(number, layer)
    modes = {generation: GENERATION_MODE}
    if root != generation:
        modes[root] = DIRECTORY_MODE
    for folder, mode in modes.items():
        if is_directory(folder) and stat.S_IMODE(os.lstat(folder).st_mode) != mode:
            yield Difference(os.path.relpath(folder, root), "mode")


def is_directory(path: str) -> bool:
    """Whether a directory stands there, not a symlink to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _kind_of(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "l"
    if stat.S_ISDIR(mode):
        return "d"
    return "f" if stat.S_ISREG(mode) else "?"


def _hash_of(path: str) -> str:
    """The content's sha256 in hexadecimal; empty where the file is closed, or the disk broken."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EIO):
            raise
        return ""


def _extra(root: str, listed: set[bytes], ignore: frozenset[str]) -> Iterator[str]:
    """Paths on disk that the manifest does not list; of an extra directory only the top."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with suppress(*_CLOSED), os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if path in ignore or _is_run_time_bytecode(path):
                    continue
                if os.fsencode(path) not in listed:
                    yield path
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(path + "/")


def _is_run_time_bytecode(path: str) -> bool:
    return "/__pycache__/" in path and path.endswith((".pyc", ".nbi", ".nbc"))
