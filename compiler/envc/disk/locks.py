"""Exclusive and shared locks on files that are never deleted.

flock, not lockf: it excludes inside one process too, and is dropped with the descriptor. On a
network file system no lock is load-bearing: unique names, immutability and rename do the work.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from envc.errors import OutsideError

TIMEOUT_SECONDS = 300.0
_PAUSE_SECONDS = 0.05


@contextmanager
def exclusive(path: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[int]:
    """Hold the only lock on `path`; yields its descriptor. The file names the holder.

    Raises:
        OutsideError: the lock is held for longer than the time-out (the holder is named), or the
            file cannot be opened.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, fcntl.LOCK_EX, timeout_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[int]:
    """Hold the lock on `path` together with other sharers, and with no exclusive holder.

    Raises:
        OutsideError: as for `exclusive`.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, fcntl.LOCK_SH, timeout_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: str) -> bool:
    """Whether somebody holds a lock on `path`; a file that is not there is held by nobody.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise OutsideError(
            f"cannot open the lock: {error.strerror}",
            where=path,
            mend="run envc as the owner of this folder, on a file system that can be written",
        ) from error


def _acquire(descriptor: int, path: str, kind: int, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace").split()
                named = f"process {holder[0]} on {holder[1]}" if len(holder) > 1 else "a process"
                raise OutsideError(
                    f"{named} holds the lock for more than {timeout_seconds:g} seconds",
                    where=path,
                    mend="wait for it to end, or end it",
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return
