"""Exclusive and shared locks on files that are never deleted.

flock, not lockf: it excludes inside one process too, and is dropped with the descriptor. On a
network file system no lock is load-bearing: unique names, immutability and rename do the work.

Who takes a lock writes a line into its file: process, node, user, since when, command. Who waits
tells it, and gives up after `ENVC_LOCK_TIMEOUT` (seconds, 300 when it is not set; 0: at once). A
file is its owner's alone: who may only read here can hold nobody up.
"""

import fcntl
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from envc.disk.clock import utc_text
from envc.disk.durable import doing
from envc.disk.environment import amount_in
from envc.disk.ownership import name_of_user
from envc.errors import OutsideError
from envc.ports import REPORTER

TIMEOUT_SECONDS = 300.0
_PAUSE_SECONDS = 0.05
# A wait that is over before is not told.
_TOLD_AFTER_SECONDS = 0.5
# Written at once and in full, so that who reads beside never sees two lines mixed.
_LINE_BYTES = 512
_MODE = 0o600


def exclusive(path: str) -> AbstractContextManager[int]:
    """Hold the only lock on `path`; yields its descriptor. The command's reporter hears of a wait.

    Raises:
        OutsideError: the lock is held for longer than the time-out (the holder is named), or the
            file cannot be opened.
        UsageError: `ENVC_LOCK_TIMEOUT` is no number of seconds.
    """
    return _held(path, fcntl.LOCK_EX)


def shared(path: str) -> AbstractContextManager[int]:
    """Hold the lock on `path` together with other sharers, and with no exclusive holder.

    Raises:
        OutsideError, UsageError: as for `exclusive`.
    """
    return _held(path, fcntl.LOCK_SH)


def try_exclusive(path: str) -> int | None:
    """A descriptor that holds the only lock on `path`, made if need be; None when it is taken.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _held(path: str, kind: int) -> Iterator[int]:
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, kind)
        with suppress(OSError):  # it is a help only; on a full disk gc must run without it
            os.pwrite(descriptor, _own_line(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    with doing("open the lock", path):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, _MODE)
    with suppress(OSError):  # an older envc let others read it
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != _MODE:
            os.fchmod(descriptor, _MODE)
    return descriptor


def _acquire(descriptor: int, path: str, kind: int) -> None:
    timeout_seconds = amount_in(
        "ENVC_LOCK_TIMEOUT", "seconds", TIMEOUT_SECONDS, "how long to wait for a lock"
    )
    began = time.monotonic()
    told = False
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited >= timeout_seconds:
                raise OutsideError(
                    f"{_holder(descriptor)} holds the lock; waited for {timeout_seconds:g} seconds",
                    where=path,
                    mend="wait for it to end, or end it; ENVC_LOCK_TIMEOUT sets how long to wait",
                ) from None
            if waited >= _TOLD_AFTER_SECONDS and not told:
                told = True
                REPORTER.get().note(f"waiting for {_holder(descriptor)}, which holds {path}")
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _own_line() -> bytes:
    """What a file says of who holds its lock: five words, the last of which is the command."""
    command = " ".join(["envc", *sys.argv[1:]])
    line = (
        f"{os.getpid()} {os.uname().nodename} {name_of_user(os.geteuid())} {utc_text()} {command}"
    )
    text = line.replace("\n", " ").encode(errors="replace")[: _LINE_BYTES - 1]
    return text.ljust(_LINE_BYTES - 1) + b"\n"


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as it can be told.

    The file is believed where the kernel names the same process, and where it names another node,
    whose processes this kernel does not know.
    """
    here = os.uname().nodename
    process, node, user, since, command = _written(descriptor)
    told = f" of {user} since {since} ({command})" if command else ""
    holders = holders_of(os.fstat(descriptor))
    known = [each + told * (each == process) for each in holders if each != "0"]
    if known:
        return f"process {' and '.join(known)} on {here}"
    return f"process {process}{told} on {node}" if node not in {"", here} else "a process"


def _written(descriptor: int) -> list[str]:
    """The five words of `_own_line`, made harmless; an envc of 0.1 wrote two, the others are ""."""
    text = ""
    with suppress(OSError):
        text = os.pread(descriptor, _LINE_BYTES, 0).decode(errors="replace")
    words = "".join(c if c.isprintable() else "\ufffd" for c in text.rstrip()).split(maxsplit=4)
    return [*words, *[""] * 5][:5]


def holders_of(status: os.stat_result) -> Iterator[str]:
    """The processes that hold a flock on a file, by the kernel's own list; "0": one out of sight.

    Source: proc_locks(5)
    """
    with suppress(OSError), open("/proc/locks", encoding="utf-8") as locks:
        for line in locks:
            # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:131090 0 EOF; "->" before FLOCK: it waits
            _, kind, *fields = line.split()
            device, _, inode = fields[3].rpartition(":")
            if kind == "FLOCK" and inode == str(status.st_ino) and is_device(device, status):
                yield fields[2]


def is_device(text: str, status: os.stat_result) -> bool:
    """Whether the kernel's `major:minor` is the device of a file.

    It shows other numbers than stat(2) for a file system without a device of its own.
    """
    major, minor = (int(number, 16) for number in text.split(":"))
    here = os.major(status.st_dev), os.minor(status.st_dev)
    return (major, minor) == here or major == here[0] == 0
