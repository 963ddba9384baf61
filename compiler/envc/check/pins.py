"""Pins that a target cannot take, and releases that were withdrawn."""

from collections.abc import Iterator

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envc.check.make import finding
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding
from envc.model.lock import LockedPin
from envc.model.target import Target


def pins(subject: Subject) -> Iterator[Finding]:
    """Findings on the overlay's own pins, whatever their wheels contain."""
    if subject.lock is None:
        return
    for pin in subject.lock.pins:
        where = subject.where(pin.project)
        called = f"{pin.project} {pin.version}"
        for scene in subject.scenes:
            target = scene.target
            if not _holds(pin, target):
                continue
            if not _has_wheel(pin, target):
                what = f"{called} has no wheel for target {target.name} ({_described(target)})"
                mend = f"ask for a version of {pin.project} that has one, or lock again"
                yield finding(codes.NO_WHEEL, what, (pin.project,), where=where, mend=mend)
            for claimed in _refusals(pin, scene):
                what = f"{called} needs Python {claimed}; target {target.name} has "
                what += target.python_full
                mend = f"ask for a version of {pin.project} that runs on it"
                yield finding(codes.REQUIRES_PYTHON, what, (pin.project,), where=where, mend=mend)
        if pin.project in subject.yanked:
            reason = subject.yanked[pin.project]
            what = f"{called} was yanked by its authors" + (f": {reason}" if reason else "")
            mend = (
                f"let it move: envc lock --overlay {subject.spec} --upgrade-package {pin.project}"
            )
            yield finding(codes.YANKED, what, (pin.project,), where=where, mend=mend)


def _holds(pin: LockedPin, target: Target) -> bool:
    if pin.marker is None:
        return True
    return Marker(pin.marker).evaluate({**target.markers}, context="lock_file")


def _has_wheel(pin: LockedPin, target: Target) -> bool:
    accepted = frozenset(target.tags)
    for wheel in pin.wheels:
        try:
            tags = parse_wheel_filename(wheel.filename)[3]
        except InvalidWheelFilename:
            continue
        if not accepted.isdisjoint(tags):
            return True
    return False


def _refusals(pin: LockedPin, scene: Scene) -> Iterator[str]:
    """What a pin says of the Pythons that it runs on, where the target's is none of them."""
    claims = {pin.requires_python}
    claims |= {c.facts.requires_python for c in scene.own if c.facts.project == pin.project}
    for claimed in sorted(claim for claim in claims if claim):
        try:
            if not SpecifierSet(claimed).contains(scene.target.python_full, prereleases=True):
                yield claimed
        except ValueError:
            continue  # pip takes it for absent, and so does the resolver


def _described(target: Target) -> str:
    libc = f", {target.libc}" if target.libc else ""
    return f"{target.platform}{libc}, Python {target.python}"
