"""The cache on disk: what another run need not find out again. All of it may vanish at any time.

What is broken or torn counts as absent, and what cannot be written is not written.
"""

import os
import time
from binascii import crc32  # zlib would be one more module to load
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import BinaryIO

from envc.disk.cache_place import HOUR_SECONDS, LOOKED
from envc.disk.durable import replacing
from envc.model.digest import digest_of, hex_of

_KEY_DIGITS = 24
# Of what one folder of the cache holds, the oldest goes when it is more than this together; looked
# at once in so many writes.
_MOST_BYTES = 512 << 20
_WRITES_BETWEEN = 256


class Cache:
    """Files under one folder, replaced as a whole; `warn` hears once when none can be."""

    def __init__(self, root: str, *, warn: Callable[[str], None] | None = None) -> None:
        self.root = os.path.abspath(root)
        self._warn = warn

    def path(self, place: str) -> str:
        """Where a file of the cache is, or would be."""
        return f"{self.root}/{place}"

    def read(self, place: str) -> bytes | None:
        """The content of a file of the cache, or None."""
        try:
            with open(self.path(place), "rb", buffering=0) as file:  # half the system calls
                return file.read()
        except OSError:
            return None

    def write(self, place: str, content: bytes) -> None:
        """Replace a file of the cache, or do nothing where that is impossible."""
        try:
            with self.replacement(place) as file:
                file.write(content)
        except OSError as error:
            self.give_up(error)
        if not crc32(place.encode()) % _WRITES_BETWEEN:
            remove_oldest(self.path(place.partition("/")[0]))

    @contextmanager
    def replacement(self, place: str) -> Iterator[BinaryIO]:
        """A new file to write to; it takes its place when the block ends well.

        Raises:
            OSError: the cache cannot be written.
        """
        final = self.path(place)
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        os.makedirs(os.path.dirname(final), mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with replacing(final) as temporary, open(os.open(temporary, flags, 0o600), "wb") as file:
            yield file

    def give_up(self, error: OSError) -> None:
        """Tell once that the cache keeps nothing."""
        warn, self._warn = self._warn, None
        if warn is not None:
            reason = error.strerror or str(error)
            warn(f"the cache {self.root} cannot be written ({reason}): nothing is kept")


class CacheFolder:
    """Small files of one folder of a cache, each with a check sum: name → bytes."""

    def __init__(self, cache: Cache, folder: str) -> None:
        self._cache = cache
        self._folder = folder

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """The files of these names, as far as they are there and whole."""
        found: dict[str, bytes] = {}
        for name in names:
            content = self._cache.read(f"{self._folder}/{name}") or b""
            checksum, _, rest = content.partition(b"\n")
            if checksum == b"%08x" % crc32(rest):
                found[name] = rest
        return found

    def write(self, files: Mapping[str, bytes]) -> None:
        """Keep these files, or do nothing where that is impossible."""
        for name, content in files.items():
            self._cache.write(f"{self._folder}/{name}", b"%08x\n" % crc32(content) + content)


def remove_oldest(top: str, most_bytes: int = _MOST_BYTES) -> None:
    """Remove the files below a folder that were written first, until the others fit."""
    found: list[tuple[int, int, str]] = []
    with suppress(OSError):
        for folder, _, names in os.walk(top):
            for name in names:
                status = os.stat(f"{folder}/{name}")
                found.append((status.st_mtime_ns, status.st_size, f"{folder}/{name}"))
        for _, size_bytes, path in sorted(found, reverse=True):
            most_bytes -= size_bytes
            if most_bytes < 0:
                os.unlink(path)


def record_use(cache: str, path: str) -> None:
    """Record that an entry of a cache is used now: a file or a folder that goes as a whole.

    Once an hour, what is too much there is removed. What cannot be done is left.
    """
    now = time.time()
    with suppress(OSError):
        if now - os.stat(path).st_mtime > HOUR_SECONDS:
            os.utime(path)
    with suppress(OSError):
        if now - os.stat(f"{cache}/{LOOKED}").st_mtime < HOUR_SECONDS:
            return
    from envc.disk.cache_care import look_after  # once an hour

    look_after(cache)


@lru_cache(maxsize=64)
def key_of(text: str) -> str:
    """A file name for a URL or a path."""
    return hex_of(digest_of(text.encode()))[:_KEY_DIGITS]
