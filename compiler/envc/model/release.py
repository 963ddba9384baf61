"""What an index offers: releases, their distributions, and their metadata."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, NormalizedName, parse_wheel_filename
from packaging.version import Version

from envc.model.digest import Digest
from envc.model.value import value


@lru_cache(maxsize=4096)
def _tags_of(text: str) -> frozenset[Tag]:
    """The tags that the last three parts of a wheel's name stand for: few make up an index."""
    return parse_tag(text)


@value(kw_only=True, slots=False)
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


class DeferredFiles(Sequence[Distribution]):
    """Distributions by their file names, each made when somebody looks at it, and then kept."""

    def __init__(self, filenames: Sequence[str], make: Callable[[int], Distribution]) -> None:
        self.filenames = filenames
        self._make = make
        self._made: list[Distribution | None] = [None] * len(filenames)

    def __len__(self) -> int:
        return len(self.filenames)

    @overload
    def __getitem__(self, position: int) -> Distribution: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[Distribution, ...]: ...

    def __getitem__(self, position: int | slice) -> Distribution | tuple[Distribution, ...]:
        if isinstance(position, slice):
            return tuple(self[each] for each in range(len(self))[position])
        made = self._made[position]
        if made is None:
            made = self._made[position] = self._make(position)
        return made

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, DeferredFiles) else other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@value(slots=False)
class Release:
    """A version of a project and its distributions, in the order of their file names."""

    project: NormalizedName
    version: Version
    distributions: Sequence[Distribution]

    @property
    def filenames(self) -> Sequence[str]:
        """The names of the distributions, which need not be made for it."""
        files = self.distributions
        if isinstance(files, DeferredFiles):
            return files.filenames
        return [file.filename for file in files]

    @classmethod
    def deferred(
        cls,
        project: NormalizedName,
        version: Version,
        *,
        read: Callable[[], Sequence[Distribution]],
    ) -> Self:
        """The same value, its distributions read at first use: most releases never are."""
        release = cls.__new__(cls)
        vars(release).update(project=project, version=version, _read=read)
        return release

    if not TYPE_CHECKING:  # a type checker would take it to allow any attribute

        def __getattr__(self, name: str) -> Any:
            """`distributions` of a deferred release, which then keeps them."""
            if name != "distributions":
                raise AttributeError(name)
            distributions = vars(self)["_read"]()
            vars(self)["distributions"] = distributions
            return distributions


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
