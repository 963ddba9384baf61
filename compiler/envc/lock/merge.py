"""The resolutions of all target groups, merged into one lock."""

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envc.errors import OutsideError
from envc.lock.base import Base
from envc.lock.targets import marker_for
from envc.model.digest import Digest
from envc.model.lock import BaseReference, Lock, LockedBuild, LockedPin, LockedWheel
from envc.model.python import version_of
from envc.model.release import Distribution
from envc.model.resolution import Pin, Resolution
from envc.model.target import Target


def lock_layer(
    layer: str,
    resolutions: Sequence[Resolution],
    *,
    inputs: Digest,
    base: Base,
    folder: str,
    builds: tuple[LockedBuild, ...] = (),
) -> Lock:
    """The lock of a layer's own pins: one entry a release, with a marker where targets differ.

    `resolutions` holds one for each target group, in the order of `target_groups`. `folder` is
    where the lock file will stand: paths of local wheels below it are written relative to it.
    `builds` tell of those wheels that were built for it.
    """
    groups = [resolution.problem.targets for resolution in resolutions]
    found: dict[tuple[str, str], list[tuple[tuple[Target, ...], Pin]]] = {}
    for resolution in resolutions:
        for pin in resolution.own():
            places = found.setdefault((pin.project, str(pin.version)), [])
            places.append((resolution.problem.targets, pin))
    own = {pin.project for resolution in resolutions for pin in resolution.own()}
    pins = [
        _locked(places, marker_for([group for group, _ in places], groups), own, folder)
        for places in found.values()
    ]
    targets = [target for group in groups for target in group]
    return Lock(
        layer=layer,
        pins=tuple(sorted(pins, key=lambda pin: (pin.project, pin.version, pin.marker or ""))),
        requires_python=f"=={version_of(targets[0].python)}.*",
        environments=_environments(groups),
        targets=tuple(sorted(targets, key=lambda target: target.name)),
        inputs=inputs,
        base=None if base.closure is None else BaseReference(base.layer, base.closure),
        shadows=_all(resolution.shadows for resolution in resolutions),
        lifts=_all(resolution.lifts for resolution in resolutions),
        hides=_all(resolution.hides for resolution in resolutions),
        builds=builds,
    )


def _all(projects: Iterable[tuple[NormalizedName, ...]]) -> tuple[NormalizedName, ...]:
    return tuple(sorted({project for group in projects for project in group}))


def _locked(
    places: list[tuple[tuple[Target, ...], Pin]],
    marker: str | None,
    own: set[NormalizedName],
    folder: str,
) -> LockedPin:
    pins = [pin for _, pin in places]
    index = pins[0].distributions[0].index
    wheels = {
        file.filename: locked_wheel(file, folder) for pin in pins for file in pin.distributions
    }
    needed = {project for pin in pins for project in pin.requires if project in own}
    return LockedPin(
        project=pins[0].project,
        version=str(pins[0].version),
        wheels=tuple(wheel for _, wheel in sorted(wheels.items())),
        marker=marker,
        requires_python=_requires_python(places),
        # A folder is left out: PEP 751 has a place for URLs only, and uv insists on it.
        index=index if "://" in index else None,
        dependencies=tuple(sorted(needed)),
    )


def _requires_python(places: list[tuple[tuple[Target, ...], Pin]]) -> str | None:
    """What the release says of Python; nothing where a target is beyond an upper bound of it.

    An installer has to refuse a package whose `requires-python` its Python does not meet (PEP 751).
    """
    found = places[0][1].distributions[0].requires_python
    if found is None:
        return None
    pythons = [target.version for targets, _ in places for target in targets]
    try:
        specifier = SpecifierSet(found)
        is_met = all(specifier.contains(python, prereleases=True) for python in pythons)
    except ValueError:
        return None
    return found if is_met else None


def locked_wheel(file: Distribution, folder: str | None = None) -> LockedWheel:
    """A distribution as a lock in `folder` has it; the path of a local one is relative to that.

    Raises:
        OutsideError: it has no digest.
    """
    if file.digest is None:
        raise OutsideError(
            f"index {file.index} gives no sha256 for {file.filename}",
            mend="use an index that lists hashes (PEP 503), or a folder of wheels",
        )
    local = file.url.startswith("file:")
    path = unquote(file.url.removeprefix("file://")) if local else None
    return LockedWheel(
        filename=file.filename,
        digest=file.digest,
        url=None if local else file.url,
        path=path.removeprefix(f"{folder}/") if path and folder else path,
        size_bytes=file.size_bytes,
        upload_time=file.upload_time,
    )


def _environments(groups: Sequence[tuple[Target, ...]]) -> tuple[str, ...]:
    """A marker for each kind of machine that the lock was made for."""
    return tuple(
        dict.fromkeys(
            f"sys_platform == '{group[0].markers['sys_platform']}' and "
            f"platform_machine == '{group[0].markers['platform_machine']}'"
            for group in groups
        )
    )
