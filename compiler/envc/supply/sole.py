"""Projects that have one release only, since the spec itself names its file.

An editable project is one, and so is a requirement that names a URL or a path. The resolver finds
the file where it asks for the project's releases, and nothing of the project in the base.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import ShadowRefusedError
from envc.lock import Base
from envc.model.digest import Digest
from envc.model.release import Distribution, Release
from envc.model.resolution import Problem, Resolution
from envc.model.spec import Origin
from envc.model.value import replace, value
from envc.supply.building import Supply
from envc.supply.wheelhouse import Carried, place_of

if TYPE_CHECKING:
    from envc.build import Built


@value
class SoleRelease(ABC):
    """A file that a spec names, the line that does, and how it comes beside the lock (if built)."""

    file: Distribution
    origin: Origin
    carried: Carried | None

    @property
    def project(self) -> NormalizedName:
        """The project's name."""
        return self.file.project

    @property
    @abstractmethod
    def named(self) -> str:
        """What the line names, in words."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The URL or the path that the line gives."""


def only_releases(
    soles: Iterable[SoleRelease],
) -> dict[NormalizedName, tuple[Release, ...]]:
    """By project, the one release that there is."""
    return {
        each.project: (Release.of(each.project, each.file.version, (each.file,)),) for each in soles
    }


def off_the_base(problem: Problem, soles: Iterable[SoleRelease]) -> Problem:
    """The problem, these projects named directly and nothing of them taken from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    by_project = {each.project: each for each in soles}
    for pin in problem.inherited:
        sole = by_project.get(pin.project)
        if problem.shadow == "never" and sole is not None:
            raise ShadowRefusedError(
                f"{sole.named} would replace {pin.project} {pin.version} of layer {pin.layer}, "
                "and overlays may replace nothing here",
                where=str(sole.origin),
                mend="remove the line, or ask the site's administrator to allow shadows",
            )
    inherited = tuple(pin for pin in problem.inherited if pin.project not in by_project)
    directs = {**problem.directs, **{each.project: each.place for each in by_project.values()}}
    return replace(problem, inherited=inherited, directs=directs)


def with_shadows(resolution: Resolution, soles: Iterable[SoleRelease], base: Base) -> Resolution:
    """The resolution of such a problem, in which what the base has of them counts as shadowed."""
    visible = {pin.project for pin in base.visible_pins(resolution.problem.targets)}
    own = {pin.project for pin in resolution.own()}
    replaced = {each.project for each in soles} & visible & own
    return replace(resolution, shadows=tuple(sorted({*resolution.shadows, *replaced})))


def file_at(
    url: str, project: NormalizedName, version: Version, *, digest: Digest, size_bytes: int
) -> Distribution:
    """The distribution that no index lists: its file name is the last part of its URL."""
    filename = filename_of(url)
    return Distribution(
        project=project,
        version=version,
        filename=filename,
        url=url,
        index="",
        kind="wheel" if filename.endswith(".whl") else "sdist",
        digest=digest,
        size_bytes=size_bytes,
    )


def filename_of(url: str) -> str:
    """The last part of a URL's path."""
    return os.path.basename(unquote(urlsplit(url).path))


def adopt(
    built: "Built", project: NormalizedName, version: Version, *, supply: Supply, folder: str
) -> tuple[Distribution, Carried]:
    """A wheel that was built as the lock in `folder` will have it, and how it comes there.

    Raises:
        OutsideError, UntrustedError: it cannot be read, or is another project's.
    """
    place = place_of(folder, os.path.basename(built.path), built.digest)
    wheel = file_at(
        f"file://{quote(place)}",
        project,
        version,
        digest=built.digest,
        size_bytes=built.size_bytes,
    )
    supply.source.reader.adopt(wheel, built.path)
    return wheel, Carried(built.path, place)
