"""Exclusive and shared locks on files that are never deleted.

flock, not lockf: it excludes inside one process too, and is dropped with the descriptor. On a
network file system no lock is load-bearing: unique names, immutability and rename do the work.

Who waits longer than `ENVC_LOCK_TIMEOUT` (seconds, 300 when it is not set) gives up and is told
who holds the lock: the processes that the kernel names, on another node the one that last wrote
its name into the file.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envc.disk.durable import disk_error
from envc.errors import OutsideError, UsageError

TIMEOUT_SECONDS = 300.0
_PAUSE_SECONDS = 0.05


@contextmanager
def exclusive(path: str) -> Iterator[int]:
    """Hold the only lock on `path`; yields its descriptor. The file names the holder.

    Raises:
        OutsideError: the lock is held for longer than the time-out (the holder is named), or the
            file cannot be opened.
        UsageError: `ENVC_LOCK_TIMEOUT` is no number of seconds.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, fcntl.LOCK_EX)
        with suppress(OSError):  # the name is a help only; on a full disk gc must run without it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: str) -> Iterator[int]:
    """Hold the lock on `path` together with other sharers, and with no exclusive holder.

    Raises:
        OutsideError, UsageError: as for `exclusive`.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, fcntl.LOCK_SH)
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


def try_exclusive(path: str) -> int | None:
    """A descriptor that holds the only lock on `path`, made if need be; None when it is taken.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise disk_error(error, "open the lock", path) from error


def _acquire(descriptor: int, path: str, kind: int) -> None:
    timeout_seconds = _timeout_seconds()
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OutsideError(
                    f"{_holder(descriptor)} holds the lock for more than {timeout_seconds:g} "
                    "seconds",
                    where=path,
                    mend="wait for it to end, or end it; ENVC_LOCK_TIMEOUT sets how long to wait",
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _timeout_seconds() -> float:
    text = os.environ.get("ENVC_LOCK_TIMEOUT", "")
    try:
        seconds = float(text or TIMEOUT_SECONDS)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(
            f"ENVC_LOCK_TIMEOUT is {text!r}, which is no number of seconds",
            mend="set it to how long to wait for a lock, or unset it",
        )
    return seconds


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as it can be told."""
    node = os.uname().nodename
    processes = " and ".join(_processes(descriptor))
    if processes:
        return f"process {processes} on {node}"
    written = os.pread(descriptor, 200, 0).decode(errors="replace").split()
    # A name of this node is out of date: the kernel would have told.
    if len(written) > 1 and written[1] != node:
        return f"process {written[0]} on {written[1]}"
    return "a process"


def _processes(descriptor: int) -> Iterator[str]:
    """The processes that hold a flock on the file, by the kernel's own list.

    Source: proc_locks(5)
    """
    status = os.fstat(descriptor)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:131090 0 EOF; "->" before FLOCK: it waits
            _, kind, *fields = line.split()
            if kind == "FLOCK" and fields[3] == f"{device}:{status.st_ino}" and fields[2] != "0":
                yield fields[2]
