"""Files of other people, read by who may read more than they: no link is followed, none waits.

Their owner may move and replace them meanwhile: every folder on the way is opened, and the next
name is looked up in what is open.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import BinaryIO

from envc.errors import UsageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# Disks that compress, and those that write late, tell fewer blocks.
_SMALL_BYTES, _MOST_RATIO = 1 << 26, 4


@contextmanager
def opened(owner: int, root: str, path: str) -> Iterator[BinaryIO]:
    """A regular file of a user's at a relative path below `root`, in folders of his own alone.

    Raises:
        UsageError: it is a link or no file, or belongs to somebody else; or a folder does.
        OSError: it is not there, or cannot be read.
    """
    where = f"{root}/{path}"
    *folders, name = path.split("/")
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
            _refuse_others(os.fstat(here), owner, where)
        descriptor = os.open(name, _FILE, dir_fd=here)
    except OSError as error:
        if os.path.islink(where) or any(map(os.path.islink, _parents(root, path))):
            raise UsageError(
                "a link is on the way to it", where=where, mend="put the file itself there"
            ) from error
        raise
    finally:
        os.close(here)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _refuse_others(status, owner, where)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError("it is no file", where=where, mend="put a file there, or remove it")
        yield file


def read(owner: int, root: str, path: str, *, most_bytes: int) -> bytes:
    """The bytes of such a file.

    Raises:
        UsageError: as `opened`; or it is larger than that.
        OSError: it is not there, or cannot be read.
    """
    with opened(owner, root, path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise UsageError(
            f"it is larger than {most_bytes / 1e6:.0f} MB",
            where=f"{root}/{path}",
            mend="shorten it",
        )
    return content


@contextmanager
def opened_of(owner: int, path: str) -> Iterator[BufferedReader]:
    """A regular file that is a user's, wherever it is: what is in it is theirs.

    Raises:
        OSError: it is a link or no file, somebody else's, not there, or cannot be read.
    """
    descriptor = os.open(path, _FILE)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != owner or not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EACCES, "it is no file of that user", path)
        yield file


def weight(file: BinaryIO) -> int:
    """How large a file is; it is real, or so small that it does not matter.

    Raises:
        OSError: it claims to be much larger than it is (a sparse file).
    """
    status = os.fstat(file.fileno())
    if status.st_size > _SMALL_BYTES and status.st_blocks * 512 * _MOST_RATIO < status.st_size:
        raise OSError(errno.EFBIG, "most of it is not there: it is a sparse file")
    return status.st_size


def _parents(root: str, path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield f"{root}/{path}"


def _refuse_others(status: os.stat_result, owner: int, where: str) -> None:
    if status.st_uid != owner:
        raise UsageError(
            f"it, or a folder on the way to it, belongs to user {status.st_uid}, not {owner}",
            where=where,
            mend="have it given to that user (chown)",
        )
