"""What a lock holds for one target: its pins, and the one wheel of each that the target takes."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from posixpath import join
from urllib.parse import quote

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import Fault, SpecError
from envc.model.lock import UNSEEN, Lock, LockedPin, LockedWheel
from envc.model.release import Distribution
from envc.model.resolution import InheritedPin
from envc.model.target import Target
from envc.model.value import replace


def select_pins(lock: Lock, markers: Mapping[str, str]) -> tuple[LockedPin, ...]:
    """The pins of a lock that hold in a marker environment, in order of project."""
    return tuple(pin for pin in lock.pins if pin.holds_on(markers))


def select_wheels(
    lock: Lock, target: Target, *, unseen: bool = False
) -> tuple[tuple[LockedPin, LockedWheel], ...]:
    """The pins for a target and the wheel it prefers of each, in order of project.

    Whoever takes `unseen` ones has their files, or does without the digests.

    Raises:
        SpecError: the lock is not for the target, a pin has no wheel for it, or none whose sha256
            is known, or a project is pinned twice.

    Source: https://packaging.python.org/specifications/pylock-toml/ (Installation).
    """
    chosen: list[tuple[LockedPin, LockedWheel]] = []
    faults = list(_misfits(lock, target))
    for pin in select_pins(lock, target.markers):
        ranked = [(target.rank(wheel.filename), wheel) for wheel in pin.wheels]
        taken = [(rank, wheel.filename, wheel) for rank, wheel in ranked if rank is not None]
        if not taken:
            faults.append(
                Fault(
                    f"{pin.project} {pin.version} has no wheel for {target}",
                    f"lock of layer {lock.layer}",
                    "lock again with this machine among the site's targets",
                )
            )
        else:
            wheel = min(taken)[2]
            chosen.append((pin, wheel))
            if wheel.digest == UNSEEN and not unseen:
                faults.append(
                    Fault(
                        f"{wheel.filename} has no sha256 hash",
                        f"lock of layer {lock.layer}",
                        "lock it with sha256 hashes; without, only `envc materialize` takes it",
                    )
                )
    faults += _twice(pin.project for pin, _ in chosen)
    if faults:
        raise SpecError.of(faults)
    return tuple(chosen)


def _misfits(lock: Lock, target: Target) -> Iterator[Fault]:
    """What the lock says of machines that it is for, and that this one is not."""
    where, mend = f"lock of layer {lock.layer}", "lock again for this machine"
    if not _runs(lock.requires_python, target):
        yield Fault(f"it is for Python {lock.requires_python}, not for {target}", where, mend)
    if lock.environments and not any(
        Marker(environment).evaluate({**target.markers, "extra": ""})
        for environment in lock.environments
    ):
        told = " or ".join(lock.environments)
        yield Fault(f"it is for machines where {told}, not for {target}", where, mend)
    for pin in select_pins(lock, target.markers):
        if not _runs(pin.requires_python, target):
            what = f"{pin.project} {pin.version} is for Python {pin.requires_python}"
            yield Fault(f"{what}, not for {target}", where, mend)
    for entry in lock.unusable:
        if entry.holds_on(target.markers):
            yield Fault(entry.what, entry.where, entry.mend)


def _runs(requires_python: str | None, target: Target) -> bool:
    return requires_python is None or _contains(requires_python, target.version)


@lru_cache(maxsize=256)
def _contains(requires_python: str, python_full: str) -> bool:
    return SpecifierSet(requires_python).contains(python_full, prereleases=True)


def _twice(projects: Iterable[NormalizedName]) -> Iterator[Fault]:
    seen: set[NormalizedName] = set()
    for project in projects:
        if project in seen:
            yield Fault(f"{project} is pinned twice for one target", mend="lock again")
        seen.add(project)


def with_absolute_paths(lock: Lock, folder: str) -> Lock:
    """The lock, the relative paths of its wheels taken from `folder`: that of its spec."""
    return replace(
        lock,
        pins=tuple(
            replace(pin, wheels=tuple(_with_absolute_path(wheel, folder) for wheel in pin.wheels))
            if any(wheel.path is not None for wheel in pin.wheels)
            else pin
            for pin in lock.pins
        ),
    )


def _with_absolute_path(wheel: LockedWheel, folder: str) -> LockedWheel:
    return wheel if wheel.path is None else replace(wheel, path=join(folder, wheel.path))


def inherited_pins(lock: Lock, targets: tuple[Target, ...]) -> tuple[InheritedPin, ...]:
    """A lock's own pins as a layer above sees them: one distribution for each of the targets."""
    by_target = [
        {pin.project: wheel for pin, wheel in select_wheels(lock, target, unseen=True)}
        for target in targets
    ]
    return tuple(
        InheritedPin(
            project=pin.project,
            version=Version(pin.version),
            distributions=tuple(_distribution(pin, wheels[pin.project]) for wheels in by_target),
            layer=lock.layer,
        )
        for pin in select_pins(lock, targets[0].markers)
    )


def pinned_versions(lock: Lock | None, markers: Mapping[str, str]) -> dict[NormalizedName, Version]:
    """The versions that a present lock pins for a marker environment; none without a lock."""
    if lock is None:
        return {}
    return {pin.project: Version(pin.version) for pin in select_pins(lock, markers)}


def _distribution(pin: LockedPin, wheel: LockedWheel) -> Distribution:
    return Distribution(
        project=pin.project,
        version=Version(pin.version),
        filename=wheel.filename,
        url=wheel.url if wheel.url is not None else f"file://{quote(wheel.path or '')}",
        index=pin.index or "",
        kind="wheel",
        digest=wheel.digest if wheel.digest != UNSEEN else None,
        checksum=wheel.checksum,
        size_bytes=wheel.size_bytes,
        requires_python=pin.requires_python,
        upload_time=wheel.upload_time,
        metadata=False,
    )
