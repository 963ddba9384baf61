"""What an index lists of one project: releases that are parsed when somebody looks at them.

A release's files are kept as a text: a line with their names, then the row of each (`listed_file`).
That is also what the cache holds, so versions are compared once, when a page is fetched, and a run
that looks at the newest release of 4,000 files parses that one alone: of its files, those that are
looked at.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.index.listed_file import distribution_of_row
from envc.model.release import Deferred, Distribution, Files, Release
from envc.model.value import value

ListedFile = tuple[Version, str, str, bool]
"""One file of a page: its version, its name, its row, and whether its metadata is announced."""


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


def listing_of(files: Iterable[ListedFile]) -> Listing:
    """The listing of these files of a page."""
    by_version: dict[Version, list[tuple[str, str]]] = {}
    announces, last, beside = False, None, []
    for version, filename, row, announces_metadata in files:
        if version is not last:  # pages list the files of a release together
            last, beside = version, by_version.setdefault(version, [])
        beside.append((filename, row))
        announces = announces or announces_metadata
    texts = {
        str(version): _text_of(sorted(by_version[version], key=itemgetter(0)))
        for version in sorted(by_version, reverse=True)
    }
    return _listing(texts, found=True, announces=announces)


def _text_of(files: list[tuple[str, str]]) -> bytes:
    """Files as they are kept; no name has a space, and no row a line break."""
    names = " ".join(filename for filename, _ in files)
    return "\n".join([names, *(row for _, row in files)]).encode()


def _listing(texts: Mapping[str, bytes], *, found: bool, announces: bool) -> Listing:
    checksum = 0
    for version, text in texts.items():
        checksum = zlib.crc32(text, zlib.crc32(version.encode(), checksum))
    files = list(texts.values()).__getitem__
    return Listing(found, announces, tuple(texts), files, f"{checksum:08x}")


NOTHING = _listing({}, found=False, announces=False)


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
            return distribution_of_row(rows[place], project, version, index=index)

        return Files(filenames, Deferred(len(filenames), distribution))

    releases = Deferred(len(listing.versions), release)
    return Offer(listing.found, releases, lambda: listing.fingerprint, listing.announces)
