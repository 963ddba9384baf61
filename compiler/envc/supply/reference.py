"""Direct references: lines of a spec that name a file, by a URL, a path or a project's folder.

The resolver finds the file where it asks for the project's releases, the only one that there is,
and nothing of the project in the base.

Source: PEP 508, PEP 610.
"""

import os
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from envc.errors import ShadowRefusedError
from envc.lock import Base
from envc.model.digest import Digest
from envc.model.lock import Lock, LockedBuild
from envc.model.release import Distribution, Release
from envc.model.resolution import Problem, Resolution
from envc.model.spec import SourcedRequirement
from envc.model.value import replace, value
from envc.supply.wheelhouse import WheelCopy


@value(kw_only=True)
class Reference:
    """A file that a line names.

    `asked` is what the resolver is asked for instead of the line: the same, by version. `place` is
    the URL or the folder, `named` the words for it. Of a file that was built, `copy` is how it
    comes beside the lock, `build` how it was. `directory` is where an editable project stands.
    """

    file: Distribution
    asked: SourcedRequirement
    place: str
    named: str
    copy: WheelCopy | None = None
    build: LockedBuild | None = None
    directory: str | None = None

    @property
    def project(self) -> NormalizedName:
        """The project's name."""
        return self.file.project


def only_releases(
    references: Iterable[Reference],
) -> dict[NormalizedName, tuple[Release, ...]]:
    """By project, the one release that there is."""
    files = [each.file for each in references]
    return {f.project: (Release.of(f.project, f.version, (f,)),) for f in files}


def with_references(problem: Problem, references: Sequence[Reference]) -> Problem:
    """The problem that asks for these files, and takes nothing of their projects from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    by_project = {each.project: each for each in references}
    for pin in problem.inherited:
        if problem.shadow == "never" and pin.project in by_project:
            reference = by_project[pin.project]
            raise ShadowRefusedError(
                f"{reference.named} would replace {pin.project} {pin.version} of layer "
                f"{pin.layer}, and overlays may replace nothing here",
                where=str(reference.asked.origin),
                mend="remove the line, or ask the site's administrator to allow shadows",
            )
    asked = {each.asked.origin: each.asked for each in references}
    roots = [asked.pop(root.origin, root) for root in problem.roots]
    return replace(
        problem,
        inherited=tuple(pin for pin in problem.inherited if pin.project not in by_project),
        roots=(*roots, *asked.values()),
        directs={**problem.directs, **{each.project: each.place for each in references}},
    )


def with_shadows(resolution: Resolution, references: Sequence[Reference], base: Base) -> Resolution:
    """The resolution of such a problem, in which what the base has of them counts as shadowed."""
    if not references:
        return resolution
    visible = {pin.project for pin in base.visible_pins(resolution.problem.targets)}
    own = {pin.project for pin in resolution.own()}
    replaced = {each.project for each in references} & visible & own
    return replace(resolution, shadows=tuple(sorted({*resolution.shadows, *replaced})))


def with_directories(lock: Lock, editables: Sequence[Reference]) -> Lock:
    """The lock, its pins of editable projects with the folders that they lead to."""
    folders = {each.project: each.directory for each in editables}
    pins = tuple(replace(pin, directory=folders.get(pin.project)) for pin in lock.pins)
    return replace(lock, pins=pins)


def has_editables(lock: Lock, editables: Sequence[Reference]) -> bool:
    """Whether a lock has exactly these editable projects, by these wheels."""
    wanted = {(each.project, each.directory, each.file.digest) for each in editables}
    return wanted == {
        (pin.project, pin.directory, pin.wheels[0].digest)
        for pin in lock.pins
        if pin.directory is not None
    }


def missing_copies(references: Iterable[Reference]) -> tuple[WheelCopy, ...]:
    """How the wheels that were built come beside the lock, those that are not there yet."""
    copies = (each.copy for each in references)
    return tuple(copy for copy in copies if copy and not os.path.exists(copy.destination))


def file_at(
    url: str, release: tuple[NormalizedName, Version], *, digest: Digest, size_bytes: int
) -> Distribution:
    """The distribution that no index lists: its file name is the last part of its URL."""
    filename = filename_of(url)
    return Distribution(
        project=release[0],
        version=release[1],
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


def release_of(filename: str) -> tuple[NormalizedName, Version] | None:
    """The project and the version of a distribution by its file name; None: it is of none."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[:2]
        return parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
