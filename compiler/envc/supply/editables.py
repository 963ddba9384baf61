"""The user's own projects, used where they stand: one wheel each, which only leads there (PEP 660).

The wheel is a release like any other to the resolver, the only one of its project; the lock calls
it a directory (PEP 751). It is built again when the project's build configuration changes.
"""

import os
from collections.abc import Mapping
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import BuildError, Fault, SpecError
from envc.index import IndexSource
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import Lock, LockedPin
from envc.model.release import Distribution
from envc.model.spec import OverlaySpec, SourcedPath, SourcedRequirement
from envc.supply.building import Supply
from envc.supply.reference import Reference, file_at
from envc.supply.wheelhouse import WheelCopy

# What decides a project's name, version, requirements and commands.
CONFIGURATION = ("pyproject.toml", "setup.cfg", "setup.py")


def directory_of(spec: OverlaySpec, written: str) -> str:
    """The absolute path of an editable project, which starts at home or at the spec's folder."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    return os.path.normpath(os.path.join(folder, os.path.expanduser(written)))


def built_editables(overlay: OverlaySpec, supply: Supply, *, folder: str) -> tuple[Reference, ...]:
    """The overlay's editable projects, each built if need be; `folder` is that of its lock.

    Raises:
        SpecError: a path is none of a project, or two are of one.
        BuildError: a project's backend fails.
    """
    found: dict[NormalizedName, Reference] = {}
    faults: list[Fault] = []
    for sourced in overlay.editable:
        directory = directory_of(overlay, sourced.path)
        if not any(os.path.isfile(f"{directory}/{name}") for name in CONFIGURATION):
            raise SpecError(
                f"{directory} is no project: it has neither pyproject.toml nor setup.py",
                where=str(sourced.origin),
                mend="name the folder of a project, or remove the line",
            )
        built = _built(directory, sourced, supply, folder)
        first = found.setdefault(built.project, built)
        if first is not built:
            what = f"{directory} and {first.directory} are both {built.project}"
            faults.append(Fault(what, str(sourced.origin), "remove one of them"))
    if faults:
        raise SpecError.of(faults)
    return tuple(found.values())


def _built(directory: str, sourced: SourcedPath, supply: Supply, folder: str) -> Reference:
    from envc.build import Source  # few overlays have such a project

    label = os.path.basename(directory)
    source = Source(label=label, path=directory, digest=_configuration(directory), in_place=True)
    try:
        built = supply.built(source, directory, folder=folder)
    except BuildError as error:
        fault = error.faults[0]
        mend = "see the whole log, and correct the project; its backend has to know PEP 660"
        raise BuildError(fault.what, where=fault.where, mend=mend) from error
    return _reference(directory, sourced, built.file, built.copy)


def _configuration(directory: str) -> Digest:
    texts: dict[str, str] = {}
    for name in CONFIGURATION:
        path = f"{directory}/{name}"
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts[name] = file.read()
    return digest_of_json({"editable": directory, "files": texts})


def locked_editables(
    spec: OverlaySpec,
    lock: Lock | None,
    source: IndexSource,
    *,
    folder: str,
    owner: int | None = None,
) -> dict[str, Reference]:
    """The spec's editable projects as the lock in `folder` has them: entry of `editable` → project.

    Nothing is built, and the projects need not be here; an entry that the lock does not know, or
    whose wheel is gone, is left out; so is a wheel that is no file of `owner`, where that is given.

    Raises:
        OutsideError, UntrustedError: a wheel cannot be read, or is another project's.
    """
    pins = {pin.directory: pin for pin in lock.pins if pin.directory} if lock is not None else {}
    found: dict[str, Reference] = {}
    for sourced in spec.editable:
        pin = pins.get(directory_of(spec, sourced.path)) or _of_other_home(sourced.path, pins)
        path = os.path.join(folder, pin.wheels[0].path or "") if pin and pin.wheels else ""
        if pin is None or pin.directory is None or not _is_there(path, owner):
            continue
        file = file_at(
            f"file://{quote(os.path.normpath(path))}",
            (pin.project, Version(pin.version)),
            digest=pin.wheels[0].digest,
            size_bytes=os.path.getsize(path),
        )
        source.reader.adopt(file, path)
        found[sourced.path] = _reference(pin.directory, sourced, file)
    return found


def _is_there(path: str, owner: int | None) -> bool:
    if owner is None or not os.path.isfile(path):
        return os.path.isfile(path)
    return not os.path.islink(path) and os.stat(path).st_uid == owner


def _of_other_home(path: str, pins: Mapping[str, LockedPin]) -> LockedPin | None:
    """The pin of a path below the home of the lock's owner, which is not that of who reads it."""
    inside = path.removeprefix("~")
    same = (pin for directory, pin in pins.items() if directory.endswith(inside))
    return next(same, None) if path.startswith("~/") else None


def _reference(
    directory: str, sourced: SourcedPath, wheel: Distribution, copy: WheelCopy | None = None
) -> Reference:
    """The reference to a project where it stands, by the wheel that leads there."""
    requirement = Requirement(f"{wheel.project}=={wheel.version}")
    return Reference(
        file=wheel,
        asked=SourcedRequirement(requirement, sourced.origin),
        place=directory,
        named=directory,
        copy=copy,
        directory=directory,
    )
