"""The steps of a repair, carried out: a new inode for every path that is not as published."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from envc.disk.durable import replace_symlink, temporary_beside
from envc.model.manifest import DIRECTORY_MODE, PUBLISHED_MTIME_SECONDS, Manifest
from envc.model.plan import MakeSymlink, WriteFile
from envc.plan.repair import LinkFile, MakeFolder, RemovePath, SetMode, Step
from envc.target.compare import is_directory
from envc.target.publish import remove_tree
from envc.target.trees import link_or_copy, write_new

_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)
# With these no other path can be mended either.
_NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


def mend_tree(manifest: Manifest, root: str, steps: Iterable[Step]) -> dict[str, OSError]:
    """Carry out the steps that mend a tree; those that failed by their paths, and why.

    Nothing is changed in place: a bad file is replaced by a rename, so whoever has it open keeps
    what he has.

    Raises:
        OSError: the disk is full or broken.
    """
    if not is_directory(root):
        with writable(os.path.dirname(root)):
            _make_folder(root)
    with writable(root):
        failed = carry_out(root, steps)
        for folder in manifest.folders():
            with suppress(OSError):  # one that could not be made is told already
                os.utime(f"{root}/{folder}", _PUBLISHED)
    return failed


def carry_out(root: str, steps: Iterable[Step]) -> dict[str, OSError]:
    """Carry out steps below a folder; those that failed by their paths, and why.

    Raises:
        OSError: the disk is full or broken.
    """
    failed: dict[str, OSError] = {}
    for step in steps:
        try:
            _carry_out(f"{root}/{step.path}", step)
        except OSError as error:
            if error.errno in _NO_DISK:
                raise
            failed[step.path] = error
    return failed


def _carry_out(path: str, step: Step) -> None:
    match step:
        case RemovePath():
            remove(path)
        case MakeFolder():
            _make_folder(path)
        case SetMode(mode=mode):
            os.chmod(path, mode)
        case MakeSymlink(destination=destination):
            _clear_folder(path)
            replace_symlink(path, destination)
        case LinkFile() | WriteFile():
            _replace_file(path, step)


def _replace_file(path: str, step: LinkFile | WriteFile) -> None:
    _clear_folder(path)
    temporary = temporary_beside(path)
    try:
        if isinstance(step, WriteFile):
            write_new(temporary, step.content, step.mode)
            os.utime(temporary, _PUBLISHED)
        else:
            link_or_copy(step.source, temporary)
        os.replace(temporary, path)
    finally:
        # Also after a rename: of two names of one inode it leaves both.
        with suppress(OSError):
            os.unlink(temporary)


def _make_folder(path: str) -> None:
    if os.path.lexists(path) and not is_directory(path):
        os.unlink(path)
    os.makedirs(path, exist_ok=True)
    os.chmod(path, DIRECTORY_MODE)


def _clear_folder(path: str) -> None:
    """Remove a folder that stands where something else belongs."""
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
