"""Listings in the cache: a run reads the head of a page's file, and what it looks at further down.

    header      one line of JSON: what the index answered, and how long the directory is
    directory   a line a release, newest first: version, start and end of its files, checksum
    files       the JSON of each release's files, one after another

A page may have megabytes, and little of it is looked at: places count from the end of the
directory, and the newest releases stand first. The file's modification time is when the page
expires, so that an answer of "not modified" writes no byte.
"""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from packaging.utils import NormalizedName

from envc.errors import OutsideError
from envc.index.cache import Cache, key_of
from envc.index.listing import Listing

_HEAD_BYTES = 64 * 1024
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CachedListing:
    """A listing as it was answered; `expires` in seconds since the epoch.

    `etag` and `modified` are the answer's validators, empty when it had none.
    """

    listing: Listing
    expires: float
    etag: str = ""
    modified: str = ""


class _Page:
    """The file of one page, its head in memory.

    Raises:
        OSError: it is not there.
        ValueError, KeyError, TypeError: it is torn, or nothing that envc wrote.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:
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
        checksum, size_bytes = self.header["checksum"], self.header["size"]
        if checksum != zlib.crc32(self.directory) or size_bytes != status.st_size:
            raise ValueError("the file is torn")

    @cached_property
    def places(self) -> dict[str, str]:
        """Version → where its files start and end, and their checksum; newest version first."""
        lines = (line.partition(" ") for line in self.directory.decode().splitlines())
        return {version: place for version, _, place in lines}

    def files(self, version: str) -> bytes:
        """The JSON of a release's files."""
        start, end, checksum = map(int, self.places[version].split(" "))
        content = self._head[start:end]
        if len(content) < end - start:
            with open(self.path, "rb") as file:
                file.seek(self.start + start)
                content = file.read(end - start)
        if zlib.crc32(content) != checksum:
            raise ValueError("the file is torn, or another one")
        return content


class _KeptFiles:
    """The files of a kept page's releases; where another run has replaced it, those of the new."""

    def __init__(self, page: _Page) -> None:
        self._page = page

    def __call__(self, version: str) -> bytes:
        with suppress(OSError, ValueError, KeyError):
            return self._page.files(version)
        try:
            self._page = _Page(self._page.path)
            return self._page.files(version) if version in self._page.places else b"[]"
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutsideError(
                "a page of the cache is damaged",
                where=self._page.path,
                mend="remove what is kept with `envc cache clean`, then run the command again",
            ) from error


def read_listing(cache: Cache, index: str, project: NormalizedName) -> CachedListing | None:
    """What the cache holds of a project's page on the index with that URL, fresh or not."""
    try:
        page = _Page(cache.path(_place(index, project)))
        header = page.header
        listing = Listing(
            header["found"],
            header["announces"],
            tuple(page.places),
            _KeptFiles(page),
            header["fingerprint"],
        )
        return CachedListing(listing, page.expires, header["etag"], header["modified"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_listing(
    cache: Cache, index: str, project: NormalizedName, *, cached: CachedListing
) -> None:
    """Keep a project's page."""
    place = _place(index, project)
    listing = cached.listing
    texts = [listing.files(version) for version in listing.versions]
    directory = "".join(_directory(listing.versions, texts)).encode()
    header = {
        "announces": listing.announces,
        "checksum": zlib.crc32(directory),
        "directory": len(directory),
        "etag": cached.etag,
        "fingerprint": listing.fingerprint,
        "found": listing.found,
        "modified": cached.modified,
    }
    rest = len(directory) + sum(map(len, texts))
    cache.write(place, b"".join([_header_line(header, rest), directory, *texts]))
    prolong(cache, index, project, expires=cached.expires)


def prolong(cache: Cache, index: str, project: NormalizedName, *, expires: float) -> None:
    """Let a kept page be good until then."""
    nanoseconds = int(expires * _NANOSECONDS)
    with suppress(OSError):
        os.utime(cache.path(_place(index, project)), ns=(nanoseconds, nanoseconds))


def _directory(versions: tuple[str, ...], texts: list[bytes]) -> Iterator[str]:
    start = 0
    for version, text in zip(versions, texts, strict=True):
        end = start + len(text)
        yield f"{version} {start} {end} {zlib.crc32(text)}\n"
        start = end


def _header_line(header: dict[str, Any], rest_bytes: int) -> bytes:
    """The header with the size of the whole file, itself included, as a number of fixed width."""
    width = 16
    line = json.dumps(header | {"size": "@" * width})
    size_bytes = len(line.encode()) - 2 + 1 + rest_bytes
    return (line.replace(f'"{"@" * width}"', f"{size_bytes:>{width}}") + "\n").encode()


def _place(index: str, project: NormalizedName) -> str:
    # A normalized name is safe already; the quoting holds should it come from somewhere else.
    return f"index-v2/{key_of(index)}/{quote(project, safe='')}"
