"""The user's own projects, used where they stand: one wheel each, which only leads there (PEP 660).

The wheel is a release like any other to the resolver, the only one of its project; the lock calls
it a directory (PEP 751). It is built again when the project's build configuration changes.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename

from envc.errors import BuildError, Fault, ShadowRefusedError, SpecError
from envc.lock import Base
from envc.materialize.directory import Directory, Shape
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import Lock
from envc.model.release import CoreMetadata, Distribution, Release
from envc.model.resolution import Problem, Resolution
from envc.model.spec import OverlaySpec, SourcedPath, SourcedRequirement
from envc.pipeline.supply.building import Carried, Supply, place_of
from envc.ports import CandidateSource

# What decides a project's name, version, requirements and commands.
_CONFIGURATION = ("pyproject.toml", "setup.cfg", "setup.py")


@dataclass(frozen=True, slots=True)
class Editable:
    """A project where it stands, the wheel that leads there, and where that wheel is now."""

    directory: str
    spec: SourcedPath
    wheel: Distribution
    path: str

    @property
    def project(self) -> NormalizedName:
        """The project's name."""
        return self.wheel.project

    @property
    def requirement(self) -> SourcedRequirement:
        """The requirement that the wheel alone meets."""
        text = f"{self.project}=={self.wheel.version}"
        return SourcedRequirement(Requirement(text), self.spec.origin)


def directory_of(spec: OverlaySpec, written: str) -> str:
    """The absolute path of an editable project, which starts at home or at the spec's folder."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    return os.path.normpath(os.path.join(folder, os.path.expanduser(written)))


def editables_of(overlay: OverlaySpec, supply: Supply, *, folder: str) -> tuple[Editable, ...]:
    """The overlay's editable projects, each built if need be; `folder` is that of its lock.

    Raises:
        SpecError: a path is none of a project, or two are of one.
        UsageError: somebody else could put code of theirs there.
        BuildError: a project's backend fails.
    """
    found: list[Editable] = []
    for sourced in overlay.editable:
        directory = directory_of(overlay, sourced.path)
        if not any(os.path.isfile(f"{directory}/{name}") for name in _CONFIGURATION):
            raise SpecError(
                f"{directory} is no project: it has neither pyproject.toml nor setup.py",
                where=str(sourced.origin),
                mend="name the folder of a project, or remove the line",
            )
        Directory(directory, Shape.OVERLAY).refuse_exposed()
        found.append(_built(directory, sourced, supply, folder))
    faults = _twice(found)
    if faults:
        raise SpecError.of(faults)
    return tuple(found)


def _twice(editables: Sequence[Editable]) -> list[Fault]:
    first: dict[NormalizedName, Editable] = {}
    return [
        Fault(
            f"{each.directory} and {first[each.project].directory} are both {each.project}",
            str(each.spec.origin),
            "remove one of them",
        )
        for each in editables
        if first.setdefault(each.project, each) is not each
    ]


def _built(directory: str, sourced: SourcedPath, supply: Supply, folder: str) -> Editable:
    from envc.build import Source  # few overlays have such a project

    label = os.path.basename(directory)
    if supply.building is None:
        raise BuildError(
            f"{label} has to be built, which is for `envc lock` to do",
            where=str(sourced.origin),
            mend="lock the overlay on a machine that has the project",
        )
    source = Source(label=label, path=directory, digest=_configuration(directory), in_place=True)
    try:
        built = supply.building.from_source(source)
    except BuildError as error:
        fault = error.faults[0]
        mend = "see the whole log, and correct the project; its backend has to know PEP 660"
        raise BuildError(fault.what, where=fault.where, mend=mend) from error
    filename = os.path.basename(built.path)
    try:
        project, version, *_ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BuildError(
            f"{label} cannot be built: its backend wrote {filename}",
            where=directory,
            mend="correct its pyproject.toml",
        ) from error
    wheel = Distribution(
        project=project,
        version=version,
        filename=filename,
        url=f"file://{quote(place_of(folder, filename, built.digest))}",
        index="",
        kind="wheel",
        digest=built.digest,
        size_bytes=built.size_bytes,
    )
    supply.source.adopt(wheel, built.path)
    return Editable(directory, sourced, wheel, built.path)


def _configuration(directory: str) -> Digest:
    texts: dict[str, str] = {}
    for name in _CONFIGURATION:
        path = f"{directory}/{name}"
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts[name] = file.read()
    return digest_of_json({"editable": directory, "files": texts})


class EditableSource:
    """`ports.CandidateSource`: the editable projects' wheels, the rest from another one."""

    def __init__(self, source: CandidateSource, editables: Iterable[Editable]) -> None:
        self._source = source
        self._releases = {
            each.project: (Release(each.project, each.wheel.version, (each.wheel,)),)
            for each in editables
        }

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """As the port has it."""
        self._source.prefetch(project for project in projects if project not in self._releases)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """As the port has it."""
        return self._releases.get(project) or self._source.releases(project)

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """As the port has it."""
        self._source.prefetch_metadata(
            each for each in distributions if each.project not in self._releases
        )

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """As the port has it: the source has adopted the wheels."""
        return self._source.metadata(distribution)


def with_editables(problem: Problem, editables: Sequence[Editable]) -> Problem:
    """The problem that also asks for the editable projects, and takes none of them from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    names = {each.project: each for each in editables}
    for pin in problem.inherited:
        if problem.shadow == "never" and pin.project in names:
            raise ShadowRefusedError(
                f"{names[pin.project].directory} would replace {pin.project} {pin.version} of "
                f"layer {pin.layer}, and overlays may replace nothing here",
                where=str(names[pin.project].spec.origin),
                mend="remove the line, or ask the site's administrator to allow shadows",
            )
    return replace(
        problem,
        roots=(*problem.roots, *(each.requirement for each in editables)),
        inherited=tuple(pin for pin in problem.inherited if pin.project not in names),
    )


def with_shadows(resolution: Resolution, editables: Sequence[Editable], base: Base) -> Resolution:
    """The resolution of such a problem, in which editable projects of the base count as shadows."""
    visible = {pin.project for pin in base.visible_pins(resolution.problem.targets)}
    replaced = {each.project for each in editables if each.project in visible}
    return replace(resolution, shadows=tuple(sorted({*resolution.shadows, *replaced})))


def with_directories(lock: Lock, editables: Sequence[Editable]) -> Lock:
    """The lock, its pins of editable projects with the folders that they lead to."""
    folders = {each.project: each.directory for each in editables}
    return replace(
        lock,
        pins=tuple(replace(pin, directory=folders.get(pin.project)) for pin in lock.pins),
    )


def is_of(lock: Lock, editables: Sequence[Editable]) -> bool:
    """Whether a lock has exactly these editable projects, by these wheels."""
    wanted = {(each.project, each.directory, each.wheel.digest) for each in editables}
    return wanted == {
        (pin.project, pin.directory, pin.wheels[0].digest)
        for pin in lock.pins
        if pin.directory is not None
    }


def carried_wheels(editables: Sequence[Editable], folder: str) -> tuple[Carried, ...]:
    """The wheels that the lock in that folder lacks."""
    places = [
        Carried(each.path, place_of(folder, each.wheel.filename, digest))
        for each in editables
        if (digest := each.wheel.digest) is not None
    ]
    return tuple(place for place in places if not os.path.exists(place.destination))
