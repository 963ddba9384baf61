"""An index in memory: a resolver case is a few lines of tables.

    [releases.numpy]                    project
    "1.26.0" = ["six>=1"]               version → what it requires
    "2.0.0" = { python = ">=3.12" }     version → everything that is not plain

A version's keys: `requires`, `extras` (extra → requirements), `python` (Requires-Python, listed
and in the metadata), `metadata-python` (in the metadata alone), `yanked` (the reason), `tags`,
`uploaded` (a date and time), `sdist` (true: a source distribution beside the wheels; "only"),
`broken` (what is wrong with its metadata).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import MetadataError, OutsideError, TimeIsUpError
from envc.model.digest import digest_of
from envc.model.release import CoreMetadata, Distribution, Release
from support.index_server import FileFacts
from support.wheels import Recipe

Tables = Mapping[str, Mapping[str, Any]]

INDEX = "https://index.test/simple"


@dataclass(frozen=True, kw_only=True)
class FakeRelease:
    """One version of a project as the tables give it."""

    project: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    python: str | None = None
    metadata_python: str | None = None
    yanked: str | None = None
    tags: tuple[str, ...] = ("py3-none-any",)
    uploaded: datetime | None = None
    sdist: bool | str = False
    broken: str = ""

    @classmethod
    def of(cls, project: str, version: str, value: Any) -> Self:
        table = {"requires": value} if isinstance(value, list) else dict(value)
        requires = list(table.pop("requires", []))
        extras = table.pop("extras", {})
        requires += [_under(extra, text) for extra, texts in extras.items() for text in texts]
        fields = {key.replace("-", "_"): field for key, field in table.items()}
        if "tags" in fields:
            fields["tags"] = tuple(fields["tags"])
        return cls(
            project=project,
            version=version,
            requires=tuple(requires),
            extras=tuple(extras),
            **fields,
        )

    def recipes(self) -> list[Recipe]:
        """The release's wheels for a folder or a server."""
        return [
            Recipe(
                name=self.project,
                version=self.version,
                requires=self.requires,
                extras=self.extras,
                requires_python=self.metadata_python or self.python,
                tag=tag,
            )
            for tag in self.tags
        ]

    def facts(self) -> FileFacts:
        """What an index page says of each of the wheels."""
        return FileFacts(
            requires_python=self.python,
            upload_time=self.uploaded.isoformat() if self.uploaded else None,
            yanked=self.yanked,
        )

    def distributions(self) -> tuple[Distribution, ...]:
        """As an index lists them, in order of file name."""
        stem = f"{canonicalize_name(self.project).replace('-', '_')}-{self.version}"
        wheels = [] if self.sdist == "only" else [f"{stem}-{tag}.whl" for tag in self.tags]
        names = sorted([*wheels, *([f"{stem}.tar.gz"] if self.sdist else [])])
        return tuple(map(self._distribution, names))

    def _distribution(self, filename: str) -> Distribution:
        return Distribution(
            project=canonicalize_name(self.project),
            version=Version(self.version),
            filename=filename,
            url=f"https://index.test/files/{filename}",
            index=INDEX,
            kind="wheel" if filename.endswith(".whl") else "sdist",
            digest=digest_of(filename.encode()),
            size_bytes=len(filename),
            requires_python=self.python,
            upload_time=self.uploaded,
            metadata=True,
            yanked=self.yanked,
        )


class FakeSource:
    """`ports.CandidateSource` over tables; `looked_at` remembers whose metadata was asked for.

    In a hurry its time is up after `looks_in_a_hurry` of them.
    """

    def __init__(self, tables: Tables) -> None:
        self.looks_in_a_hurry: int | None = None
        self._looks_left: int | None = None
        self.looked_at: list[str] = []
        self._releases: dict[NormalizedName, tuple[Release, ...]] = {}
        self._metadata: dict[tuple[NormalizedName, Version], CoreMetadata] = {}
        self._broken: dict[tuple[NormalizedName, Version], str] = {}
        for project, versions in tables.items():
            name = canonicalize_name(project)
            found = [FakeRelease.of(project, version, value) for version, value in versions.items()]
            found.sort(key=lambda release: Version(release.version), reverse=True)
            self._releases[name] = tuple(
                Release.of(name, Version(release.version), release.distributions())
                for release in found
            )
            for release in found:
                if release.broken:
                    self._broken[name, Version(release.version)] = release.broken
                self._metadata[name, Version(release.version)] = CoreMetadata(
                    project=name,
                    version=release.version,
                    requires=release.requires,
                    requires_python=release.metadata_python or release.python,
                    extras=tuple(map(canonicalize_name, release.extras)),
                )

    @contextmanager
    def within(self, seconds: float) -> Iterator[Self]:
        hurried = copy(self)
        hurried._looks_left = self.looks_in_a_hurry
        yield hurried

    def go_on(self) -> None:
        if self._looks_left is not None and self._looks_left < 0:
            raise TimeIsUpError("the time is up")

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Nothing is far."""

    def releases(self, project: NormalizedName) -> tuple[Release, ...]:
        return self._releases.get(project, ())

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Nothing is far."""

    def is_far(self) -> bool:
        return False

    def arrived_releases(self, project: NormalizedName) -> tuple[Release, ...] | None:
        """Nothing was started on."""

    def arrived_metadata(self, distribution: Distribution) -> CoreMetadata | None:
        """Nothing was started on."""

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        if self._looks_left is not None:
            self._looks_left -= 1
            self.go_on()
        self.looked_at.append(f"{distribution.project} {distribution.version}")
        broken = self._broken.get((distribution.project, distribution.version))
        if broken is not None:
            raise MetadataError(broken, where=INDEX)
        found = self._metadata.get((distribution.project, distribution.version))
        if found is None:
            raise OutsideError(f"there is no {distribution.filename}", where=INDEX)
        return found


def _under(extra: str, text: str) -> str:
    """A requirement bound to an extra."""
    requirement, _, marker = text.partition(";")
    bound = f"extra == '{extra}'"
    return f"{requirement.strip()} ; {f'({marker.strip()}) and ' if marker else ''}{bound}"
