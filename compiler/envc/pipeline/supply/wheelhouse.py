"""What stands in `wheelhouse/` beside locks, and goes when no lock names it any more."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from envc.disk.durable import disk_error
from envc.pipeline.supply.building import DIGEST_DIGITS, WHEELHOUSE

_FOLDER = re.compile(rf"[0-9a-f]{{{DIGEST_DIGITS}}}")
_LOCK = re.compile(r"pylock\..+\.toml|pylock\.toml")


def prune(folder: str, lock_folders: Iterable[str]) -> tuple[str, ...]:
    """The paths of wheels that were removed, in order: those that envc put there and no lock names.

    `lock_folders` are where locks stand that may name them, beside `folder` itself. A lock names a
    wheel when the wheel's path occurs in its text, so one that cannot be read protects what it had.

    Raises:
        OutsideError: a lock or the wheelhouse cannot be read, or a wheel not be removed.
    """
    found = list(_wheels(folder))
    if not found:
        return ()
    try:
        texts = list(_texts({folder, *lock_folders}))
        unnamed = [each for each in found if not any(each.encode() in text for text in texts)]
        for each in unnamed:
            path = f"{folder}/{WHEELHOUSE}/{each}"
            os.unlink(path)
            with suppress(OSError):  # another wheel, or what a person put there
                os.rmdir(os.path.dirname(path))
    except OSError as error:
        raise disk_error(error, "prune the wheelhouse", f"{folder}/{WHEELHOUSE}") from error
    return tuple(f"{folder}/{WHEELHOUSE}/{each}" for each in unnamed)


def _wheels(folder: str) -> Iterator[str]:
    """The wheels as `<digits of the digest>/<file name>`, in order."""
    place = f"{folder}/{WHEELHOUSE}"
    with suppress(OSError):
        for name in sorted(filter(_FOLDER.fullmatch, os.listdir(place))):
            for filename in sorted(os.listdir(f"{place}/{name}")):
                if filename.endswith(".whl"):
                    yield f"{name}/{filename}"


def _texts(folders: Iterable[str]) -> Iterator[bytes]:
    for folder in folders:
        if os.path.isdir(folder):
            for name in filter(_LOCK.fullmatch, os.listdir(folder)):
                with open(f"{folder}/{name}", "rb") as file:
                    yield file.read()
