"""Resolutions that pin source distributions → resolutions that pin the wheels built from them.

A lock names such a wheel by its path in `wheelhouse/` beside it, so nodes never build. A wheel that
the present lock carries is taken as it is: building twice need not give the same bytes.
"""

import os
from urllib.parse import quote, unquote

from envc.disk.digests import known_digest
from envc.errors import BuildError
from envc.model.lock import Lock, LockedBuild
from envc.model.release import Distribution
from envc.model.resolution import Pin, Resolution
from envc.model.target import Target
from envc.model.value import replace, value
from envc.supply.building import Supply, as_wheel_of, source_of
from envc.supply.reference import file_at, release_of
from envc.supply.wheelhouse import WheelCopy, place_of


@value
class WheelsOnly:
    """Resolutions that pin wheels only, how those that had to be built were, and their files."""

    resolutions: list[Resolution]
    builds: tuple[LockedBuild, ...] = ()
    copies: tuple[WheelCopy, ...] = ()


def with_built_wheels(
    resolutions: list[Resolution], supply: Supply, *, present: Lock | None, folder: str
) -> WheelsOnly:
    """The resolutions, each source distribution replaced by its wheel.

    `folder` is where the lock stands or will stand, `present` what stands there now.

    Raises:
        BuildError: a backend fails, or what it built does not fit a target.
        OutsideError: a source cannot be had.
    """
    chosen = (file for each in resolutions for pin in each.own() for file in pin.distributions)
    if all(file.kind == "wheel" for file in chosen):
        return WheelsOnly(resolutions)
    wheels = _Wheels(supply, present, folder)
    with_wheels = [replace(each, pins=wheels.pins(each)) for each in resolutions]
    return WheelsOnly(with_wheels, tuple(wheels.builds), tuple(wheels.copies))


class _Wheels:
    """Wheels for source distributions; each is looked for, or built, once."""

    def __init__(self, supply: Supply, present: Lock | None, folder: str) -> None:
        self._supply = supply
        self._folder = folder
        known = present.builds if present is not None else ()
        self._known = {build.source_digest: build for build in known}
        self._wheels: dict[str, Distribution] = {}
        self.builds: list[LockedBuild] = []
        self.copies: list[WheelCopy] = []

    def pins(self, resolution: Resolution) -> tuple[Pin, ...]:
        """The pins of a resolution, those of the layer itself with wheels only."""
        targets = resolution.problem.targets
        return tuple(
            pin
            if pin.layer is not None
            else replace(
                pin,
                distributions=tuple(
                    file if file.kind == "wheel" else self._wheel(file, target)
                    for file, target in zip(pin.distributions, targets, strict=True)
                ),
            )
            for pin in resolution.pins
        )

    def _wheel(self, sdist: Distribution, target: Target) -> Distribution:
        if sdist.filename not in self._wheels:
            self._wheels[sdist.filename] = self._present(sdist) or self._built(sdist)
        wheel = self._wheels[sdist.filename]
        if not set(wheel.tags) & set(target.tags):
            raise BuildError(
                f"{sdist.project} {sdist.version} has no wheel for {target}, and the one that was "
                f"built is {wheel.filename}",
                where=sdist.filename,
                mend="ask for a version that has wheels, or lock on a machine of that kind",
            )
        return wheel

    def _present(self, sdist: Distribution) -> Distribution | None:
        """The wheel that the present lock has for this source, if its file is still whole."""
        known = None if sdist.digest is None else self._known.get(sdist.digest)
        release = (sdist.project, sdist.version)
        if known is None or release_of(known.wheel) != release:
            return None
        digest = known.wheel_digest
        path = place_of(self._folder, known.wheel, digest)
        if known_digest(path) != digest:
            return None
        size = os.path.getsize(path)
        wheel = file_at(f"file://{quote(path)}", release, digest=digest, size_bytes=size)
        self._supply.source.reader.adopt(wheel, path)
        self.builds.append(known)
        return as_wheel_of(sdist, wheel)

    def _built(self, sdist: Distribution) -> Distribution:
        source = source_of(sdist, self._supply.source.reader.file(sdist))
        recorded = unquote(sdist.url.removeprefix(f"file://{quote(self._folder)}/"))
        built = self._supply.built(source, recorded, folder=self._folder, sdist=sdist)
        self.builds.append(built.build)
        self.copies.append(built.copy)
        return built.file
