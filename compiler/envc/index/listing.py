"""What an index lists of one project: releases that are parsed when somebody looks at them.

A release's files are kept as a text: a line with their names, then a line of JSON for each, the
array of `ListedFile`'s fields. That is also what the cache holds, so versions are compared once,
when a page is fetched, and a run that looks at the newest release of 4,000 files parses that one
alone: of its files, those that are looked at.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.digest import digest_from_hex
from envc.model.release import Deferred, Distribution, Files, Release
from envc.model.value import value

# Fields apart by line breaks, which no text of JSON has: one call for all files of a release.
_ENCODE = json.JSONEncoder(separators=("\n", ":")).encode


class ListedFile(NamedTuple):
    """One file of a page. `sha256` and a text in `metadata` are 64 hexadecimal digits.

    `upload_time` is an ISO 8601 text that parses; `metadata`, `yanked` and `checksum` are as in
    `Distribution`.
    """

    filename: str
    url: str
    sha256: str | None
    size_bytes: int | None
    requires_python: str | None
    upload_time: str | None
    metadata: str | bool
    yanked: str | None
    checksum: str | None = None


@value
class Listing:
    """The page of a project: `versions` newest first, and the `files` of each place.

    `serial` is the index's count of its changes as the page tells it, 0: it does not. `found` tells
    whether the index has the project: there is a page for it, whatever that lists. `announces`
    tells whether it offers the metadata of any file beside it (PEP 658). `fingerprint` changes when
    any of it does.
    """

    found: bool
    announces: bool
    versions: Sequence[str]
    files: Callable[[int], bytes]
    fingerprint: str
    serial: int = 0


def _listing(found: bool, announces: bool, texts: Mapping[str, bytes], serial: int) -> Listing:  # noqa: FBT001 - the fields' order
    checksum = 0
    for version, text in texts.items():
        checksum = zlib.crc32(text, zlib.crc32(version.encode(), checksum))
    files = list(texts.values()).__getitem__
    return Listing(found, announces, tuple(texts), files, f"{checksum:08x}", serial)


NOTHING = _listing(False, False, {}, 0)


def listing_of(
    files: Iterable[tuple[Version, ListedFile]], *, found: bool, serial: int = 0
) -> Listing:
    """The listing of these files, each with the version that its name tells."""
    by_version: dict[Version, list[ListedFile]] = {}
    announces = False
    for version, file in files:
        by_version.setdefault(version, []).append(file)
        announces = announces or bool(file.metadata)
    texts = {
        str(version): _text_of(sorted(by_version[version], key=itemgetter(0)))
        for version in sorted(by_version, reverse=True)
    }
    return _listing(found, announces, texts, serial)


def _text_of(files: list[ListedFile]) -> bytes:
    """Files as they are kept; no name has a space, and no JSON here a line break."""
    names = " ".join(file.filename for file in files)
    fields = iter(_ENCODE(files)[1:-1].split("\n"))
    rows = zip(*[fields] * len(ListedFile._fields), strict=True)
    return "\n".join([names, *map(",".join, rows)]).encode()


@value
class Offer:
    """What one index has of a project: `releases` newest first, the rest as in `Listing`."""

    found: bool
    releases: Sequence[Release]
    fingerprint: Callable[[], str]
    announces: bool = False


def offer_of(listing: Listing, project: NormalizedName, *, index: str) -> Offer:
    """The listing as releases that are parsed, as are their files, when somebody looks at them.

    `index` is the index's URL, for the distributions.
    """

    def release(position: int) -> Release:
        version = Version(listing.versions[position])
        return Release(project, version, lambda: files(listing.files(position), version))

    def files(text: bytes, version: Version) -> Files:
        names, *rows = text.split(b"\n")
        filenames = names.decode().split()

        def distribution(place: int) -> Distribution:
            return _distribution(ListedFile(*json.loads(rows[place])), project, version, index)

        return Files(filenames, Deferred(len(filenames), distribution))

    releases = Deferred(len(listing.versions), release)
    return Offer(listing.found, releases, lambda: listing.fingerprint, listing.announces)


def _distribution(
    file: ListedFile, project: NormalizedName, version: Version, index: str
) -> Distribution:
    metadata = file.metadata
    return Distribution(
        project=project,
        version=version,
        filename=file.filename,
        url=file.url,
        index=index,
        kind="wheel" if file.filename.endswith(".whl") else "sdist",
        digest=digest_from_hex(file.sha256) if file.sha256 else None,
        checksum=file.checksum,
        size_bytes=file.size_bytes,
        requires_python=file.requires_python,
        upload_time=_moment(file.upload_time),
        metadata=digest_from_hex(metadata) if isinstance(metadata, str) else metadata,
        yanked=file.yanked,
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
