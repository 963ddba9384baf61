"""The pins of another tool, where there is no lock yet: what a lock starts from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from envc.model.arrival import ArrivedPin
from envc.model.lock import Lock, LockedPin
from envc.model.release import Distribution
from envc.model.resolution import Resolution


def lock_of_pins(layer: str, pins: Iterable[ArrivedPin]) -> Lock:
    """A lock that pins the same; it has no files, and nothing is ever made from it."""
    return Lock(
        layer=layer,
        pins=tuple(
            LockedPin(project=each.project, version=each.version, wheels=(), marker=each.marker)
            for each in pins
        ),
    )


def promised_files(
    resolutions: Iterable[Resolution], pins: Iterable[ArrivedPin]
) -> Iterator[tuple[Distribution, ArrivedPin]]:
    """The files of the layer's own pins that somebody has hashes of, each with the pin for it."""
    by_release: dict[tuple[NormalizedName, str], list[ArrivedPin]] = {}
    for pin in pins:
        if pin.hashes:
            by_release.setdefault((pin.project, pin.version), []).append(pin)
    for resolution in resolutions:
        markers = resolution.problem.markers
        for own in resolution.own():
            known = by_release.get((own.project, str(own.version)), ())
            for promise in (each for each in known if _holds(each, markers)):
                yield from ((file, promise) for file in own.distributions)


def unneeded(
    resolutions: Sequence[Resolution], pins: Iterable[ArrivedPin]
) -> tuple[NormalizedName, ...]:
    """The projects that are pinned for a target, and that nothing asks for on any, in order."""
    there = {pin.project for each in resolutions for pin in each.pins}
    found = {
        pin.project
        for pin in pins
        if pin.project not in there
        and any(_holds(pin, each.problem.markers) for each in resolutions)
    }
    return tuple(sorted(found))


def _holds(pin: ArrivedPin, markers: Mapping[str, str]) -> bool:
    return lock_of_pins("", [pin]).pins[0].holds_on(markers)
