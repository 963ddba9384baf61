"""How the cache stays below its bound, and how it is emptied; nobody loses what he uses.

What is computed and small has bounds of its own (`disk.cache`, `disk.table`). The rest, whole
wheels, builds, mirrors, interpreters, kits and trees, are entries here: each has the time when it
was used last, and those that are unused longest go first. A day's use is never taken away.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from envc.disk.cache_place import HOUR_SECONDS, LOOKED
from envc.disk.durable import is_temporary
from envc.disk.environment import amount_in
from envc.disk.folders import names_in, remove_folder
from envc.disk.locks import try_exclusive
from envc.errors import UsageError

SIZE = "ENVC_CACHE_SIZE"
# What envc keeps has a name and the number of its form. A folder that ENVC_CACHE_DIR names may
# hold what is somebody else's: that is not counted, and never removed.
_OURS = re.compile(r"[a-z]+-v[0-9]+(\.sqlite(-[a-z]+)?)?")
_MANY = re.compile(r"(wheels|builds|git|cores|kits)-v[0-9]+")
_ONE = re.compile(r"(bundles|rollouts)-v[0-9]+")
# Where what is taken away goes in one step, before it is removed.
_GOING = ".going"
# Held by who has something on its way in the folder that it is in.
_LOCKS = frozenset({".lock", ".store-lock"})
_GIGABYTE = 10**9
_DEFAULT_GIGABYTES = 20.0
_DAY_SECONDS = 24 * HOUR_SECONDS


class Entry(NamedTuple):
    """A file or a folder of the cache that goes as a whole."""

    path: str
    used: float
    size_bytes: int


def parts(cache: str) -> list[str]:
    """The names of all that envc keeps in a cache, in order."""
    with suppress(OSError):
        return [name for name in names_in(cache) if _OURS.fullmatch(name)]
    return []


def most_bytes() -> int:
    """How much the entries of the cache may take together.

    Raises:
        UsageError: `ENVC_CACHE_SIZE` is no number of gigabytes.
    """
    gigabytes = amount_in(SIZE, "gigabytes", _DEFAULT_GIGABYTES, "how much the cache may hold")
    return int(gigabytes * _GIGABYTE)


def look_after(cache: str) -> None:
    """Remove what is too much in a cache; what cannot be removed is left."""
    with suppress(OSError, UsageError):
        with open(f"{cache}/{LOOKED}", "wb"):
            os.utime(f"{cache}/{LOOKED}")
        trim(cache, most_bytes())


def trim(cache: str, most: int) -> list[str]:
    """Remove the entries that are unused longest, until the others fit; those that went.

    Raises:
        OSError: the disk refused.
    """
    _empty_going(cache)
    newest_first = sorted(_entries(cache), key=lambda entry: (-entry.used, entry.path))
    removed, kept_bytes, oldest = [], 0, time.time() - _DAY_SECONDS
    for entry in newest_first:
        if entry.used < oldest and kept_bytes + entry.size_bytes > most:
            if take_away(cache, entry.path):
                removed.append(entry.path)
        else:
            kept_bytes += entry.size_bytes
    return removed


def take_away(cache: str, path: str) -> bool:
    """Remove a file, or a folder in one step, unless somebody is writing there; whether it went.

    Raises:
        OSError: the disk refused.
    """
    going = f"{cache}/{_GOING}"
    with suppress(FileNotFoundError):  # another run cleans, too
        if _is_being_written(path):
            return False
        os.makedirs(going, mode=0o700, exist_ok=True)
        os.rename(path, f"{going}/{os.urandom(8).hex()}")
        _empty_going(cache)
    return True


def clean(cache: str) -> None:
    """Remove everything that the cache holds, but for what somebody is writing.

    Raises:
        OSError: the disk refused.
    """
    for part in parts(cache):
        path = f"{cache}/{part}"
        if os.path.isdir(path) and not os.path.islink(path):
            for name in names_in(path):
                take_away(cache, f"{path}/{name}")
            with suppress(OSError):  # something is on its way there
                os.rmdir(path)
        else:
            take_away(cache, path)
    _empty_going(cache)
    for name, remove in ((_GOING, os.rmdir), (LOOKED, os.unlink)):
        with suppress(FileNotFoundError):
            remove(f"{cache}/{name}")


def size_of(path: str) -> tuple[int, int]:
    """How many files are at a path, and their bytes; what goes meanwhile is left out."""
    paths = [path] if os.path.isfile(path) else []
    paths += [f"{folder}/{name}" for folder, _, names in os.walk(path) for name in names]
    sizes = []
    for each in paths:
        with suppress(OSError):
            sizes.append(os.lstat(each).st_size)
    return len(sizes), sum(sizes)


def _entries(cache: str) -> Iterator[Entry]:
    for part in parts(cache):
        paths = [f"{cache}/{part}"] if _ONE.fullmatch(part) else []
        if _MANY.fullmatch(part):
            paths = [f"{cache}/{part}/{name}" for name in names_in(f"{cache}/{part}")]
        for path in paths:
            with suppress(FileNotFoundError):
                yield Entry(path, os.stat(path).st_mtime, size_of(path)[1])


def _is_being_written(path: str) -> bool:
    """Whether a run of this machine, or one of the last hour, has something on its way there."""
    if os.path.islink(path):
        return False
    found = [path] if os.path.isfile(path) else []
    found += [f"{folder}/{name}" for folder, _, names in os.walk(path) for name in names]
    return any(map(_is_on_its_way, found))


def _is_on_its_way(path: str) -> bool:
    name = os.path.basename(path)
    with suppress(OSError):
        if name in _LOCKS:
            lock = try_exclusive(path)
            if lock is not None:
                os.close(lock)
            return lock is None
        return is_temporary(name) and os.lstat(path).st_mtime > time.time() - HOUR_SECONDS
    return False


def _empty_going(cache: str) -> None:
    for name in names_in(f"{cache}/{_GOING}"):
        path = f"{cache}/{_GOING}/{name}"
        with suppress(FileNotFoundError):  # another run cleans, too
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
            else:
                remove_folder(path)
