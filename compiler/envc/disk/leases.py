"""Leases: files that processes hold as long as they run from what stands beside them.

A process holds one by a lock for reading on its open file, which the kernel tells of to whoever
asks; an earlier one by a flock, or by a mapping alone. Who looks takes no lock: he could be kept
from it by anybody who may read, and keep others from theirs.
"""

import fcntl
import os
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from envc.disk.folders import names_in
from envc.disk.locks import holders_of, is_device

# `struct flock`: type, whence, start, length, process; whether a lock for writing would conflict.
_FLOCK = "hhqqi"
_ASKED = struct.pack(f"{_FLOCK}0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
# The number of the first namespace of processes, which has all of them.
_FIRST_NAMESPACE = "pid:[4026531836]"


class Held(NamedTuple):
    """The leases that some process holds; `sees_all`: no mapping of anybody was out of sight."""

    paths: frozenset[str]
    sees_all: bool


def held(paths: Iterable[str]) -> Held:
    """Which of these leases are held; a file that is not there is held by nobody.

    Looks at every process of the machine, once, unless the kernel's locks tell of all.

    Raises:
        OSError: a file cannot be opened.
    """
    found, others = set[str](), dict[str, os.stat_result]()
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        try:
            status = os.fstat(descriptor)
            if _is_locked(descriptor) or any(holders_of(status)):
                found.add(path)
            else:
                others[path] = status
        finally:
            os.close(descriptor)
    mapped = _mapped(others) if others else Held(frozenset(), sees_all=True)
    return mapped._replace(paths=mapped.paths | found)


def is_held(path: str) -> bool:
    """Whether some process holds a lease.

    Raises:
        OSError: it cannot be opened.
    """
    return bool(held((path,)).paths)


def _is_locked(descriptor: int) -> bool:
    """Whether an open file anywhere on this machine has a lock on the file."""
    with suppress(OSError):  # a file system without such locks
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _ASKED)
        return bool(struct.unpack_from(_FLOCK, answer)[0] != fcntl.F_UNLCK)
    return False


def _mapped(wanted: Mapping[str, os.stat_result]) -> Held:
    """Which of these files some process has mapped.

    Source: proc_pid_maps(5)
    """
    sought = {b" %d " % status.st_ino: (path, status) for path, status in wanted.items()}
    found: set[str] = set()
    sees_all = True
    processes = [name for name in names_in("/proc") if name.isdigit()]
    for process in processes:
        try:
            with open(f"/proc/{process}/maps", "rb") as file:
                text = file.read()
        except PermissionError:
            sees_all = (
                sees_all and process == "1"
            )  # which may be closed to everybody, and runs none
            continue
        except OSError:
            continue  # it has ended
        for mark, (path, status) in sought.items():
            if mark in text and any(_is_of(line, mark, status) for line in text.splitlines()):
                found.add(path)
    # Where others' processes are hidden, the first one of all is.
    sees_all = sees_all and "1" in processes and _is_first_namespace()
    return Held(frozenset(found), sees_all)


def _is_of(line: bytes, mark: bytes, status: os.stat_result) -> bool:
    """Whether a line of a process's mappings is of a file whose inode is marked so."""
    # 7f0e000-7f0f000 r--s 00000000 fd:01 131090   /…/.lease
    return mark in line and is_device(line.split(maxsplit=4)[3].decode(), status)


def _is_first_namespace() -> bool:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid") == _FIRST_NAMESPACE
    return False
