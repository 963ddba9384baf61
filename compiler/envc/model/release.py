"""What an index offers: releases, their distributions, and their metadata."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Literal, TypeVar, overload

from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, NormalizedName, parse_wheel_filename
from packaging.version import Version

from envc.model.digest import Digest
from envc.model.value import value

Item = TypeVar("Item")


@lru_cache(maxsize=4096)
def _tags_of(text: str) -> frozenset[Tag]:
    """The tags that the last three parts of a wheel's name stand for: few make up an index."""
    return parse_tag(text)


@value(kw_only=True, slots=False)
class Distribution:
    """One file of a release as an index (or a folder) lists it.

    `digest` is None where the index gives no sha256; `checksum` is the best that it gives instead
    (`sha512:…`), None where it gives nothing. `metadata` tells whether the index serves
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
    checksum: str | None = None
    size_bytes: int | None = None
    requires_python: str | None = None
    upload_time: datetime | None = None
    metadata: Digest | bool = False
    yanked: str | None = None

    def __hash__(self) -> int:
        return hash((self.filename, self.url))  # it is a key that is often looked up

    @cached_property
    def _parts(self) -> tuple[NormalizedName, Version, BuildTag, frozenset[Tag]]:
        return parse_wheel_filename(self.filename)  # at first use: it is the dear part

    @property
    def tags(self) -> frozenset[Tag]:
        """The tags of a wheel's file name."""
        return _tags_of("-".join(self.filename.removesuffix(".whl").split("-")[-3:]))

    @property
    def build(self) -> BuildTag:
        """The build tag of a wheel's file name; of two equal wheels the higher one is newer."""
        return self._parts[2]


class Deferred(Sequence[Item]):
    """So many items, each made when somebody looks at it first, and then kept."""

    def __init__(self, size: int, make: Callable[[int], Item]) -> None:
        self._make = make
        self._made: list[Item | None] = [None] * size

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[Item]:
        return map(self.__getitem__, range(len(self._made)))

    @overload
    def __getitem__(self, position: int) -> Item: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, position: int | slice) -> Item | tuple[Item, ...]:
        if isinstance(position, slice):
            return tuple(map(self.__getitem__, range(len(self._made))[position]))
        made = self._made[position]
        if made is None:
            made = self._made[position] = self._make(range(len(self._made))[position])
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@value
class Files:
    """The distributions of a release in the order of their names, which are known without them."""

    names: Sequence[str]
    distributions: Sequence[Distribution]


class Release:
    """A version of a project. What it has is asked for at first use: of most, nobody wants it."""

    def __init__(self, project: NormalizedName, version: Version, ask: Callable[[], Files]) -> None:
        self.project = project
        self.version = version
        self._ask = ask

    @classmethod
    def of(
        cls, project: NormalizedName, version: Version, distributions: Sequence[Distribution]
    ) -> "Release":
        """The release that has these distributions."""
        names = [file.filename for file in distributions]
        return cls(project, version, lambda: Files(names, distributions))

    @cached_property
    def files(self) -> Files:
        """What it has."""
        return self._ask()

    @property
    def distributions(self) -> Sequence[Distribution]:
        """Its files, in the order of their names."""
        return self.files.distributions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Release) and (self.project, self.version, self.files) == (
            other.project,
            other.version,
            other.files,
        )

    def __hash__(self) -> int:
        return hash((self.project, self.version))


@value(kw_only=True)
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
