"""Listings in the cache: a run reads the head of a page's file, and what it looks at further down.

    header      one line of JSON: what the index answered, and how long the directory is
    versions    a line with the version of each release, newest first
    places      a line with the end and the checksum of each one's files
    files       the texts of each release's files, one after another (see listing.py)

A page may have megabytes, and little of it is looked at: the newest releases stand first, and of
thousands of versions only those that somebody asks for are taken apart. The two lines are the
directory; places count from its end. The file's modification time is when the page expires, so
that an answer of "not modified" writes no byte.
"""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote

from packaging.utils import NormalizedName

from envc.disk.cache import Cache
from envc.disk.memo import memo_key
from envc.errors import OutsideError
from envc.index.listing import Listing
from envc.model.value import value

_HEAD_BYTES = 8 * 1024
_KEY_DIGITS = 24
_NANOSECONDS = 1_000_000_000


@value
class CachedListing:
    """A listing as it was answered; `expires` in seconds since the epoch.

    `etag` and `modified` are the answer's validators, empty when it had none. `newest` is how new
    the newest page was that was ever seen there: its serial, and when it was last modified, in
    seconds since the epoch; 0 where it did not say.
    """

    listing: Listing
    expires: float
    etag: str = ""
    modified: str = ""
    newest: tuple[int, int] = (0, 0)


class _Page:
    """The file of one page, its head in memory.

    Raises:
        OSError: it is not there.
        ValueError, LookupError, TypeError: it is torn, or nothing that envc wrote.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb", buffering=0) as file:  # half the system calls
            status = os.fstat(file.fileno())
            content = file.read(_HEAD_BYTES)
            line = content[: content.index(b"\n") + 1]
            self.header: dict[str, Any] = json.loads(line)
            self.start = len(line) + self.header["directory"]
            if len(content) < self.start:
                content += file.read(self.start - len(content))
        self.expires = status.st_mtime_ns / _NANOSECONDS
        self.directory = content[len(line) : self.start]
        self._head = content[self.start :]
        last = self.directory.rstrip().rpartition(b"\n")[2].rsplit(b" ", 2)[-2:]
        size_bytes = self.start + (int(last[0]) if len(last) > 1 else 0)
        if self.header["checksum"] != zlib.crc32(self.directory) or size_bytes != status.st_size:
            raise ValueError("the file is torn")

    @cached_property
    def versions(self) -> list[str]:
        """The versions, newest first."""
        return self._lines[0].decode().split()

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.directory.splitlines()

    @cached_property
    def _places(self) -> list[bytes]:
        """For each version: where its files end, then their checksum."""
        return self._lines[1].split()

    def files(self, position: int) -> bytes:
        """The files of the release at a place among the versions."""
        first = 2 * (position % len(self.versions))
        start = int(self._places[first - 2]) if first else 0
        end, checksum = map(int, self._places[first : first + 2])
        content = self._head[start:end]
        if len(content) < end - start:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(self.start + start)
                content = file.read(end - start)
        if zlib.crc32(content) != checksum:
            raise ValueError("the file is torn, or another one")
        return content


class _KeptFiles:
    """The files of a kept page's releases; where another run has replaced it, those of the new."""

    def __init__(self, page: _Page) -> None:
        self._page = page
        self._versions = page.versions

    def __call__(self, position: int) -> bytes:
        version = self._versions[position]
        with suppress(OSError, ValueError, LookupError):
            if self._page.versions is self._versions:
                return self._page.files(position)
            return self._of_new(version)
        try:
            self._page = _Page(self._page.path)
            return self._of_new(version)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise OutsideError(
                "a page of the cache is damaged",
                where=self._page.path,
                mend="remove what is kept with `envc cache clean`, then run the command again",
            ) from error

    def _of_new(self, version: str) -> bytes:
        """The files of a version, on a page that may not have it."""
        versions = self._page.versions
        return self._page.files(versions.index(version)) if version in versions else b""


def read_listing(cache: Cache, index: str, project: NormalizedName) -> CachedListing | None:
    """What the cache holds of a project's page on the index with that URL, fresh or not."""
    try:
        page = _Page(cache.path(_place(index, project)))
        header = page.header
        listing = Listing(
            header["found"],
            header["announces"],
            page.versions,
            _KeptFiles(page),
            header["fingerprint"],
        )
        serial, seconds = header["newest"]
        return CachedListing(
            listing, page.expires, header["etag"], header["modified"], (serial, seconds)
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def write_listing(
    cache: Cache, index: str, project: NormalizedName, *, cached: CachedListing
) -> None:
    """Keep a project's page."""
    place = _place(index, project)
    listing = cached.listing
    texts = [listing.files(position) for position in range(len(listing.versions))]
    directory = f"{' '.join(listing.versions)}\n{' '.join(_places(texts))}\n".encode()
    header = {
        "announces": listing.announces,
        "checksum": zlib.crc32(directory),
        "directory": len(directory),
        "etag": cached.etag,
        "fingerprint": listing.fingerprint,
        "found": listing.found,
        "modified": cached.modified,
        "newest": cached.newest,
    }
    line = json.dumps(header).encode() + b"\n"
    cache.write(place, b"".join([line, directory, *texts]))
    prolong(cache, index, project, expires=cached.expires)


def prolong(cache: Cache, index: str, project: NormalizedName, *, expires: float) -> None:
    """Let a kept page be good until then."""
    nanoseconds = int(expires * _NANOSECONDS)
    with suppress(OSError):
        os.utime(cache.path(_place(index, project)), ns=(nanoseconds, nanoseconds))


def _places(texts: list[bytes]) -> Iterator[str]:
    end = 0
    for text in texts:
        end += len(text)
        yield f"{end} {zlib.crc32(text)}"


def _place(index: str, project: NormalizedName) -> str:
    # A normalized name is safe already; the quoting holds should it come from somewhere else.
    return f"{_folder(index)}/{quote(project, safe='')}"


@cache
def _folder(index: str) -> str:
    return f"index-v4/{memo_key(('index', 'formats', 'model'), index)[:_KEY_DIGITS]}"
