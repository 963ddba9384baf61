"""The cache on disk: answers of indexes, metadata by wheel digest. All of it may vanish any time.

    index-v4/<key of the index's URL>/<project>     see pages.py
    metadata-v1/<sha256 of the wheel>               parsed core metadata, for ever
    digests-v1/<key of a path>                      a local wheel's digest, while it is unchanged
    locks-v1/<key of a site>                        see pipeline/locking/unchanged.py
    parsed-v1/<key of a spec or a lock>             see pipeline/sites/parsed.py
    wheels-v1/<sha256>/<file name>                  see fetch.py

What is broken or torn counts as absent, and what cannot be written is not written.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import BinaryIO

from packaging.utils import NormalizedName

from envc.disk.durable import temporary_beside
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.release import CoreMetadata

_KEY_DIGITS = 24


class Cache:
    """Small files under one folder, replaced as a whole; `warn` hears once when none can be."""

    def __init__(self, root: str, *, warn: Callable[[str], None]) -> None:
        self.root = os.path.abspath(root)
        self._warn = warn
        self._writable = True

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

    @contextlib.contextmanager
    def replacement(self, place: str) -> Iterator[BinaryIO]:
        """A new file to write to; it takes its place when the block ends well.

        Raises:
            OSError: the cache cannot be written.
        """
        final = self.path(place)
        folder = os.path.dirname(final)
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        temporary = temporary_beside(final)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                yield file
            os.replace(temporary, final)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def give_up(self, error: OSError) -> None:
        """Tell once that the cache keeps nothing."""
        if self._writable:
            self._writable = False
            reason = error.strerror or str(error)
            self._warn(f"the cache {self.root} cannot be written ({reason}): nothing is kept")


@lru_cache(maxsize=64)
def key_of(text: str) -> str:
    """A file name for a URL or a path."""
    return hex_of(digest_of(text.encode()))[:_KEY_DIGITS]


def read_metadata(cache: Cache, wheel: Digest) -> CoreMetadata | None:
    """The metadata of the wheel with that digest, if the cache has it."""
    content = cache.read(f"metadata-v1/{hex_of(wheel)}")
    if content is None:
        return None
    try:
        match json.loads(content):
            case {
                "project": str(project),
                "version": str(version),
                "requires": list(requires),
                "requires_python": None | str() as requires_python,
                "extras": list(extras),
            } if {*map(type, requires), *map(type, extras)} <= {str}:
                return CoreMetadata(
                    project=NormalizedName(project),
                    version=version,
                    requires=tuple(requires),
                    requires_python=requires_python,
                    extras=tuple(extras),
                )
    except ValueError:
        pass
    return None


def write_metadata(cache: Cache, wheel: Digest, metadata: CoreMetadata) -> None:
    """Keep the metadata of the wheel with that digest."""
    text = json.dumps(asdict(metadata), separators=(",", ":"))
    cache.write(f"metadata-v1/{hex_of(wheel)}", text.encode())
