"""Wheels that were built, beside the locks that name them: `wheelhouse/<digits>/<file name>`.

What a lock carries is put there, and goes when no lock names it any more.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from envc.disk.durable import disk_error, write_file
from envc.model.digest import Digest, hex_of
from envc.model.lock import Lock
from envc.model.value import value

WHEELHOUSE = "wheelhouse"
_DIGEST_DIGITS = 16
_FOLDER = re.compile(rf"[0-9a-f]{{{_DIGEST_DIGITS}}}")
_LOCK = re.compile(r"pylock\..+\.toml|pylock\.toml")


@value
class WheelCopy:
    """A wheel to be put beside a lock: from where, to where."""

    source: str
    destination: str


def place_of(folder: str, filename: str, digest: Digest) -> str:
    """Where a lock in that folder finds a wheel that was built for it: named by its content."""
    return f"{folder}/{WHEELHOUSE}/{hex_of(digest)[:_DIGEST_DIGITS]}/{filename}"


def has_its_wheels(lock: Lock, folder: str) -> bool:
    """Whether the wheels that were built for a lock in that folder are there."""
    return all(
        os.path.isfile(place_of(folder, build.wheel, build.wheel_digest)) for build in lock.builds
    )


def copy_wheels(copies: Iterable[WheelCopy]) -> None:
    """Put wheels beside the lock that names them.

    Raises:
        OutsideError: the disk refused.
    """
    for copy in copies:
        try:
            os.makedirs(os.path.dirname(copy.destination), exist_ok=True)
            with open(copy.source, "rb") as file:
                write_file(copy.destination, file.read())
        except OSError as error:
            raise disk_error(error, "keep a wheel that was built", copy.destination) from error


def prune(folder: str, lock_folders: Iterable[str]) -> tuple[str, ...]:
    """The paths of wheels that were removed, in order: those that envc put there and no lock names.

    `lock_folders` are where locks stand that may name them, beside `folder` itself. A lock names a
    wheel when the wheel's path occurs in its text, so one that cannot be read protects what it had.

    Raises:
        OutsideError: a lock or the wheelhouse cannot be read, or a wheel not be removed.
    """
    found = list(wheels_of(folder))
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


def wheels_of(folder: str) -> Iterator[str]:
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
