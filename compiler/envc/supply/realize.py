"""Resolutions that pin source distributions → resolutions that pin the wheels built from them.

A lock names such a wheel by its path in `wheelhouse/` beside it, so nodes never build. A wheel that
the present lock carries is taken as it is: building twice need not give the same bytes.
"""

import os
from urllib.parse import quote, unquote

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envc.errors import BuildError
from envc.model.digest import Digest, digest_of
from envc.model.lock import Lock, LockedBuild
from envc.model.release import Distribution
from envc.model.resolution import Pin, Resolution
from envc.model.target import Target
from envc.model.value import replace, value
from envc.supply.building import Supply, source_of
from envc.supply.wheelhouse import Carried, place_of


@value
class Realized:
    """Resolutions that pin wheels only, how those that had to be built were, and their files."""

    resolutions: list[Resolution]
    builds: tuple[LockedBuild, ...] = ()
    carried: tuple[Carried, ...] = ()


def realize(
    resolutions: list[Resolution], supply: Supply, *, present: Lock | None, folder: str
) -> Realized:
    """The resolutions, each source distribution replaced by its wheel.

    `folder` is where the lock stands or will stand, `present` what stands there now.

    Raises:
        BuildError: a backend fails, or what it built does not fit a target.
        OutsideError: a source cannot be had.
    """
    chosen = (file for each in resolutions for pin in each.own() for file in pin.distributions)
    if all(file.kind == "wheel" for file in chosen):
        return Realized(resolutions)
    realizer = _Realizer(supply, present, folder)
    realized = [replace(each, pins=realizer.pins(each)) for each in resolutions]
    builds = sorted(realizer.builds.values(), key=lambda build: build.wheel)
    carried = sorted(realizer.carried.items())
    return Realized(
        realized,
        tuple(builds),
        tuple(Carried(path, destination) for destination, path in carried),
    )


class _Realizer:
    """Wheels for source distributions; each is looked for, or built, once."""

    def __init__(self, supply: Supply, present: Lock | None, folder: str) -> None:
        self._building = supply.building
        self._files = supply.source.reader
        self._folder = folder
        known = present.builds if present is not None else ()
        self._known = {build.source_digest: build for build in known}
        self._wheels: dict[str, Distribution] = {}
        self.builds: dict[str, LockedBuild] = {}
        self.carried: dict[str, str] = {}

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
            self._wheels[sdist.filename] = self._carried(sdist) or self._built(sdist)
        wheel = self._wheels[sdist.filename]
        if not set(wheel.tags) & set(target.tags):
            raise BuildError(
                f"{sdist.project} {sdist.version} has no wheel for target {target.name} "
                f"({target.platform}, {target.libc}, Python {target.python}), and the one that was "
                f"built is {wheel.filename}",
                where=sdist.filename,
                mend="ask for a version that has wheels, or lock on a machine of that kind",
            )
        return wheel

    def _carried(self, sdist: Distribution) -> Distribution | None:
        """The wheel that the present lock carries for this source, if its file is still whole."""
        known = None if sdist.digest is None else self._known.get(sdist.digest)
        if known is None:
            return None
        path = place_of(self._folder, known.wheel, known.wheel_digest)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            return None
        if digest_of(content) != known.wheel_digest:
            return None
        self.builds[known.wheel] = known
        return self._adopted(sdist, path, known.wheel_digest, len(content))

    def _built(self, sdist: Distribution) -> Distribution:
        path = self._files.file(sdist)
        source = source_of(sdist, path)
        built = self._building.wheel(source)
        filename = os.path.basename(built.path)
        self.carried[place_of(self._folder, filename, built.digest)] = built.path
        self.builds[filename] = self._building.record(
            built,
            source=unquote(sdist.url.removeprefix(f"file://{quote(self._folder)}/")),
            source_digest=source.digest,
        )
        return self._adopted(sdist, built.path, built.digest, built.size_bytes)

    def _adopted(
        self, sdist: Distribution, path: str, digest: Digest, size_bytes: int
    ) -> Distribution:
        """The wheel at `path` as the lock will have it: at its place in the wheelhouse."""
        filename = os.path.basename(path)
        _check_name(filename, sdist)
        wheel = replace(
            sdist,
            filename=filename,
            url=f"file://{quote(place_of(self._folder, filename, digest))}",
            kind="wheel",
            digest=digest,
            size_bytes=size_bytes,
            upload_time=None,
            metadata=False,
        )
        self._files.adopt(wheel, path)
        return wheel


def _check_name(filename: str, sdist: Distribution) -> None:
    try:
        project, version, *_ = parse_wheel_filename(filename)
        is_wheel_of_it = (project, version) == (sdist.project, sdist.version)
    except InvalidWheelFilename:
        is_wheel_of_it = False
    if not is_wheel_of_it:
        raise BuildError(
            f"{sdist.project} {sdist.version} cannot be built: its backend wrote {filename}",
            where=sdist.filename,
            mend="ask for a version that has wheels, or tell its authors",
        )
