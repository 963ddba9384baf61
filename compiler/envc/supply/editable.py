"""The user's own projects, used where they stand: one wheel each, which only leads there (PEP 660).

The wheel is a release like any other to the resolver, the only one of its project; the lock calls
it a directory (PEP 751). It is built again when the project's build configuration changes.
"""

import os
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from envc.disk.ownership import refuse_exposed
from envc.errors import BuildError, Fault, SpecError
from envc.index import IndexSource
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import Lock, LockedPin
from envc.model.resolution import Problem
from envc.model.spec import OverlaySpec, SourcedPath, SourcedRequirement
from envc.model.value import replace, value
from envc.supply.building import Supply
from envc.supply.sole import SoleRelease, adopt, file_at, off_the_base
from envc.supply.wheelhouse import Carried

# What decides a project's name, version, requirements and commands.
_CONFIGURATION = ("pyproject.toml", "setup.cfg", "setup.py")


@value
class Editable(SoleRelease):
    """A project where it stands; its file is the wheel that leads there."""

    directory: str

    @property
    def named(self) -> str:
        """The folder."""
        return self.directory

    @property
    def place(self) -> str:
        """The folder."""
        return self.directory

    @property
    def requirement(self) -> SourcedRequirement:
        """The requirement that the wheel alone meets."""
        text = f"{self.project}=={self.file.version}"
        return SourcedRequirement(Requirement(text), self.origin)


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
        refuse_exposed(directory, {os.stat(directory).st_uid})  # who names it trusts its owner
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
            str(each.origin),
            "remove one of them",
        )
        for each in editables
        if first.setdefault(each.project, each) is not each
    ]


def _built(directory: str, sourced: SourcedPath, supply: Supply, folder: str) -> Editable:
    from envc.build import Source  # few overlays have such a project

    label = os.path.basename(directory)
    source = Source(label=label, path=directory, digest=_configuration(directory), in_place=True)
    try:
        built = supply.building.wheel(source)
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
    wheel, carried = adopt(built, project, version, supply=supply, folder=folder)
    return Editable(wheel, sourced.origin, carried, directory)


def _configuration(directory: str) -> Digest:
    texts: dict[str, str] = {}
    for name in _CONFIGURATION:
        path = f"{directory}/{name}"
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts[name] = file.read()
    return digest_of_json({"editable": directory, "files": texts})


def locked_editables(
    spec: OverlaySpec, lock: Lock | None, source: IndexSource, *, folder: str
) -> dict[str, Editable]:
    """The spec's editable projects as the lock in `folder` has them: entry of `editable` → project.

    Nothing is built, and the projects need not be here; an entry that the lock does not know, or
    whose wheel is gone, is left out.

    Raises:
        OutsideError, UntrustedError: a wheel cannot be read, or is another project's.
    """
    pins = {pin.directory: pin for pin in lock.pins if pin.directory} if lock is not None else {}
    found: dict[str, Editable] = {}
    for sourced in spec.editable:
        pin = pins.get(directory_of(spec, sourced.path)) or _of_other_home(sourced.path, pins)
        path = os.path.join(folder, pin.wheels[0].path or "") if pin and pin.wheels else ""
        if pin is None or pin.directory is None or not os.path.isfile(path):
            continue
        file = file_at(
            f"file://{quote(os.path.normpath(path))}",
            pin.project,
            Version(pin.version),
            digest=pin.wheels[0].digest,
            size_bytes=os.path.getsize(path),
        )
        source.reader.adopt(file, path)
        found[sourced.path] = Editable(file, sourced.origin, None, pin.directory)
    return found


def _of_other_home(path: str, pins: Mapping[str, LockedPin]) -> LockedPin | None:
    """The pin of a path below the home of the lock's owner, which is not that of who reads it."""
    inside = path.removeprefix("~")
    same = (pin for directory, pin in pins.items() if directory.endswith(inside))
    return next(same, None) if path.startswith("~/") else None


def with_editables(problem: Problem, editables: Sequence[Editable]) -> Problem:
    """The problem that also asks for the editable projects, and takes none of them from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    asked = tuple(each.requirement for each in editables)
    return replace(off_the_base(problem, editables), roots=(*problem.roots, *asked))


def with_directories(lock: Lock, editables: Sequence[Editable]) -> Lock:
    """The lock, its pins of editable projects with the folders that they lead to."""
    folders = {each.project: each.directory for each in editables}
    return replace(
        lock,
        pins=tuple(replace(pin, directory=folders.get(pin.project)) for pin in lock.pins),
    )


def is_of(lock: Lock, editables: Sequence[Editable]) -> bool:
    """Whether a lock has exactly these editable projects, by these wheels."""
    wanted = {(each.project, each.directory, each.file.digest) for each in editables}
    return wanted == {
        (pin.project, pin.directory, pin.wheels[0].digest)
        for pin in lock.pins
        if pin.directory is not None
    }


def missing_wheels(editables: Sequence[Editable]) -> tuple[Carried, ...]:
    """The wheels that are not beside the lock yet."""
    carried = (each.carried for each in editables)
    return tuple(wheel for wheel in carried if wheel and not os.path.exists(wheel.destination))
