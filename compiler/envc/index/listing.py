"""What an index lists of one project, as text: releases that are parsed when somebody looks.

    version TAB JSON array of files NEWLINE        newest version first

A file is the array of `ListedFile`'s fields. The text is also the form that the cache keeps, so
versions are compared once, when a page is fetched, and a run that looks at the newest release of
4,000 files parses a single line.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.digest import digest_from_hex
from envc.model.release import Distribution, Release


class ListedFile(NamedTuple):
    """One file of a page. `sha256` and a text in `metadata` are 64 hexadecimal digits.

    `upload_time` is an ISO 8601 text that parses; `metadata` and `yanked` are as in
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


@dataclass(frozen=True, slots=True)
class Listing:
    """The page of a project.

    `found` tells whether the index has the project: its page lists a file of any kind, usable
    or not. `announces` tells whether it offers the metadata of any file beside it (PEP 658).
    """

    found: bool
    announces: bool
    text: str


NOTHING = Listing(found=False, announces=False, text="")


def listing_of(files: Iterable[tuple[Version, ListedFile]], *, found: bool) -> Listing:
    """The listing of these files, each with the version that its name tells."""
    by_version: dict[Version, list[ListedFile]] = {}
    announces = False
    for version, file in files:
        by_version.setdefault(version, []).append(file)
        announces = announces or bool(file.metadata)
    encode = json.JSONEncoder(separators=(",", ":")).encode
    lines = [
        f"{version}\t{encode(sorted(by_version[version], key=_filename))}\n"
        for version in sorted(by_version, reverse=True)
    ]
    return Listing(found, announces, "".join(lines))


@dataclass(frozen=True, slots=True)
class Offer:
    """What one index has of a project: `releases` newest first, the rest as in `Listing`."""

    found: bool
    releases: tuple[Release, ...]
    announces: bool = False


def offer_of(listing: Listing, project: NormalizedName, *, index: str) -> Offer:
    """The listing as releases, whose distributions are parsed when somebody looks at them.

    `index` is the index's URL, for the distributions.
    """
    releases = []
    for line in listing.text.split("\n")[:-1]:
        version_text, _, files = line.partition("\t")
        version = Version(version_text)
        read = partial(_distributions, files, project, version, index)
        releases.append(Release.deferred(project, version, read=read))
    return Offer(listing.found, tuple(releases), listing.announces)


def _filename(file: ListedFile) -> str:
    return file.filename


def _distributions(
    text: str, project: NormalizedName, version: Version, index: str
) -> tuple[Distribution, ...]:
    return tuple(
        _distribution(ListedFile(*fields), project, version, index) for fields in json.loads(text)
    )


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
