"""One tree brought back to its manifest: a new inode for every path that is not as published."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from envc.disk.durable import replace_symlink, temporary_beside
from envc.model.manifest import (
    DIRECTORY_MODE,
    PUBLISHED_MTIME_SECONDS,
    Manifest,
    parse_line,
    path_of,
)
from envc.model.plan import WriteFile
from envc.target.compare import Problem, is_directory
from envc.target.publish import remove_tree
from envc.target.trees import link_or_copy, write_new

_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)

# The file to link a path from, the content to write, or None where neither is known.
Source = Callable[[str], "str | WriteFile | None"]


def mend_tree(manifest: Manifest, root: str, problems: list[Problem], source: Source) -> None:
    """Mend what can be mended of `problems`; what has no source stays as it is.

    Nothing is changed in place: a bad file is replaced by a rename, so whoever has it open keeps
    what he has. The files of `source` must be good.
    """
    entries = {path_of(line).decode(): parse_line(line) for line in manifest.lines}
    if not is_directory(root):
        with writable(os.path.dirname(root)):
            _make_directory(root)
    with writable(root):
        for problem in problems:
            path = f"{root}/{problem.path}"
            if problem.kind == "extra":
                remove(path)
                continue
            entry = entries[problem.path]
            if entry.kind == "d":
                _make_directory(path)
            elif entry.kind == "l":
                _clear_directory(path)
                replace_symlink(path, entry.content)
            else:
                _replace_file(path, source(problem.path))
        for entry in entries.values():
            if entry.kind == "d":
                os.utime(f"{root}/{entry.path}", _PUBLISHED)


def mend_modes(manifest: Manifest, root: str) -> bool:
    """Set every mode of a tree right, in place: all names of an inode share it."""
    for entry in manifest.entries():
        if entry.kind != "l":
            os.chmod(f"{root}/{entry.path}", entry.mode)
    return True


def _replace_file(path: str, source: "str | WriteFile | None") -> None:
    if source is None:
        return
    _clear_directory(path)
    temporary = temporary_beside(path)
    try:
        if isinstance(source, WriteFile):
            write_new(temporary, source.content, source.mode)
            os.utime(temporary, _PUBLISHED)
        else:
            link_or_copy(source, temporary)
        os.replace(temporary, path)
    finally:
        # Also after a rename: of two names of one inode it leaves both.
        with suppress(OSError):
            os.unlink(temporary)


def _make_directory(path: str) -> None:
    if os.path.lexists(path) and not is_directory(path):
        os.unlink(path)
    os.makedirs(path, exist_ok=True)
    os.chmod(path, DIRECTORY_MODE)


def _clear_directory(path: str) -> None:
    """Remove a directory that stands where a file belongs."""
    if is_directory(path):
        remove_tree(path)


def remove(path: str) -> None:
    """Remove a file or a folder that was never published."""
    if is_directory(path):
        remove_tree(path)
    else:
        with suppress(FileNotFoundError):  # it stood in something that was removed before it
            os.unlink(path)


@contextmanager
def writable(root: str) -> Iterator[None]:
    """Open a folder that is closed to its owner too, as a generation's is."""
    mode = stat.S_IMODE(os.stat(root).st_mode)
    os.chmod(root, mode | stat.S_IWUSR)
    try:
        yield
    finally:
        os.chmod(root, mode)
