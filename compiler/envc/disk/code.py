"""Which code of envc runs: what it computed is of use only to the same code."""

import os
from collections.abc import Iterator
from functools import cache

import envc
from envc.model.digest import Digest, digest_of

_PACKAGE = os.path.dirname(os.path.abspath(envc.__file__))


@cache
def digest_of_code(*rooms: str) -> Digest:
    """The digest of the sources in these rooms, none: in all, as installation or disk tells it.

    An installed envc has a list with the digest of each of its files, one file to read. One that is
    used where it is edited is told by names, sizes and times; a checkout takes a millisecond.
    """
    lines = (line for room in rooms or _all_rooms() for line in _sources(room))
    return digest_of(b"\n".join(lines))


@cache
def _sources(room: str) -> list[bytes]:
    """A line for each source in a room, in order, that is another when the source is."""
    begin = f"envc/{room}/".encode()
    listed = [line for line in _record() if line.startswith(begin) and b".py,sha256=" in line]
    return sorted(listed or _seen(room))


@cache
def _record() -> list[bytes]:
    """The lines of RECORD; none: it is not beside the package.

    Source: https://packaging.python.org/specifications/recording-installed-packages/
    """
    record = f"{os.path.dirname(_PACKAGE)}/envc-{envc.__version__}.dist-info/RECORD"
    try:
        with open(record, "rb") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _all_rooms() -> tuple[str, ...]:
    with os.scandir(_PACKAGE) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir()))


def _seen(room: str) -> Iterator[bytes]:
    try:
        with os.scandir(f"{_PACKAGE}/{room}") as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = os.stat(entry.path)
                    seen = f"{room}/{entry.name} {status.st_size} {status.st_mtime_ns}"
                    yield seen.encode()
    except OSError:
        yield os.urandom(16)  # it cannot be told: what was kept is of no use
