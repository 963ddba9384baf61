"""What an index offers: releases, their distributions, and their metadata."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from packaging.tags import Tag
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from envc.model.digest import Digest


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One file of a release as an index (or a folder) lists it.

    `digest` is None where the index gives no sha256. `metadata` tells whether the index serves
    the core metadata beside the file (PEP 658/714): a digest, True (without a digest), or False.
    `yanked` is the reason (may be empty), or None when it is not yanked (PEP 592).
    """

    project: NormalizedName
    version: Version
    filename: str
    url: str
    index: str
    kind: Literal["wheel", "sdist"]
    digest: Digest | None = None
    size_bytes: int | None = None
    requires_python: str | None = None
    upload_time: datetime | None = None
    metadata: Digest | bool = False
    yanked: str | None = None

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """The tags of a wheel's file name; parsed at first use, it is the dear part."""
        return parse_wheel_filename(self.filename)[3]


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a project and its distributions, in the order of their file names."""

    project: NormalizedName
    version: Version
    distributions: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The part of a distribution's metadata that resolving needs.

    `requires` are the `Requires-Dist` lines as written.
    Source: https://packaging.python.org/specifications/core-metadata/
    """

    project: NormalizedName
    version: str
    requires: tuple[str, ...] = ()
    requires_python: str | None = None
    extras: tuple[NormalizedName, ...] = ()
