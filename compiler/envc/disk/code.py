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
    return digest_of(b"\n".join(_listed(rooms) or sorted(_seen(rooms or _all_rooms()))))


def _listed(rooms: tuple[str, ...]) -> list[bytes]:
    """The lines of RECORD for the rooms' sources; none: it is not beside them.

    Source: https://packaging.python.org/specifications/recording-installed-packages/
    """
    record = f"{os.path.dirname(_PACKAGE)}/envc-{envc.__version__}.dist-info/RECORD"
    try:
        with open(record, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    ours = tuple(f"envc/{room}/".encode() for room in rooms) or (b"envc/",)
    return sorted(line for line in lines if line.startswith(ours) and b".py,sha256=" in line)


def _all_rooms() -> tuple[str, ...]:
    with os.scandir(_PACKAGE) as entries:
        return tuple(entry.name for entry in entries if entry.is_dir())


def _seen(rooms: tuple[str, ...]) -> Iterator[bytes]:
    for room in rooms:
        try:
            with os.scandir(f"{_PACKAGE}/{room}") as entries:
                for entry in entries:
                    if entry.name.endswith(".py"):
                        status = entry.stat()
                        seen = f"{room}/{entry.name} {status.st_size} {status.st_mtime_ns}"
                        yield seen.encode()
        except OSError:
            yield os.urandom(16)  # it cannot be told: what was kept is of no use
