"""The cache on disk: answers of indexes, metadata by wheel digest. All of it may vanish any time.

    index-v1/<key of the index's URL>/<project>     a header line, then the listing's text
    metadata-v1/<sha256 of the wheel>               parsed core metadata, for ever
    digests-v1/<key of a path>                      a local wheel's digest, while it is unchanged
    wheels-v1/<sha256>/<file name>                  see fetch.py

What is broken or torn counts as absent, and what cannot be written is not written.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO
from urllib.parse import quote

from packaging.utils import NormalizedName

from envc.index.listing import Listing
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.release import CoreMetadata

_KEY_DIGITS = 24


@dataclass(frozen=True, slots=True)
class CachedListing:
    """A listing as it was answered; `expires` in seconds since the epoch.

    `etag` and `modified` are the answer's validators, empty when it had none.
    """

    listing: Listing
    expires: float
    etag: str = ""
    modified: str = ""


class Cache:
    """Small files under one folder, replaced as a whole; `warn` hears once when none can be."""

    def __init__(self, root: str, *, warn: Callable[[str], None]) -> None:
        self.root = os.path.abspath(root)
        self._warn = warn
        self._writable = True

    def read(self, path: str) -> bytes | None:
        """The content of a file of the cache, or None."""
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """Replace a file of the cache, or do nothing where that is impossible."""
        try:
            with self.replacement(path) as file:
                file.write(content)
        except OSError as error:
            self.give_up(error)

    @contextlib.contextmanager
    def replacement(self, path: str) -> Iterator[BinaryIO]:
        """A new file to write to; it becomes `path` when the block ends well.

        Raises:
            OSError: the cache cannot be written.
        """
        import tempfile

        final = os.path.join(self.root, path)
        folder = os.path.dirname(final)
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)
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


def key_of(text: str) -> str:
    """A file name for a URL or a path."""
    return hex_of(digest_of(text.encode()))[:_KEY_DIGITS]


def read_listing(cache: Cache, index: str, project: NormalizedName) -> CachedListing | None:
    """What the cache holds of a project's page on the index with that URL, fresh or not."""
    content = cache.read(_listing_path(index, project))
    if content is None:
        return None
    header_line, _, text = content.partition(b"\n")
    try:
        header = json.loads(header_line)
        if header.pop("checksum") != zlib.crc32(text):
            return None
        listing = Listing(header.pop("found"), header.pop("announces"), text.decode())
        return CachedListing(listing, **header)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write_listing(
    cache: Cache, index: str, project: NormalizedName, *, cached: CachedListing
) -> None:
    """Keep a project's page."""
    text = cached.listing.text.encode()
    header = {
        "announces": cached.listing.announces,
        "checksum": zlib.crc32(text),
        "etag": cached.etag,
        "expires": cached.expires,
        "found": cached.listing.found,
        "modified": cached.modified,
    }
    cache.write(_listing_path(index, project), json.dumps(header).encode() + b"\n" + text)


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
            } if all(isinstance(line, str) for line in (*requires, *extras)):
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


def _listing_path(index: str, project: NormalizedName) -> str:
    # A normalized name is safe already; the quoting holds should it come from somewhere else.
    return f"index-v1/{key_of(index)}/{quote(project, safe='')}"
