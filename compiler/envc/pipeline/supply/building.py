"""Wheels for what has none: sources built here, their requirements resolved by envc itself.

A lock names such a wheel by its path in `wheelhouse/` beside it, so nodes never build. A wheel that
the present lock carries is taken as it is: building twice need not give the same bytes.
"""

import os
import shutil
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename

from envc.disk.durable import disk_error, write_file
from envc.errors import BuildError, OutsideError, UnsatisfiableError, UsageError
from envc.expand.targets import make_target
from envc.index import IndexSource, digest_of_file, for_people
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.lock import Lock, LockedBuild
from envc.model.release import Distribution
from envc.model.resolution import Pin, Problem, Resolution
from envc.model.spec import IndexSpec, Origin, ResolverSpec, SiteSpec, SourcedRequirement
from envc.model.target import Machine, Target
from envc.pipeline.sites.context import Context
from envc.pipeline.sites.machine import machine_of
from envc.resolve import resolve

if TYPE_CHECKING:
    from envc.build import Builder, Built, Source, Tool  # most sites build nothing

WHEELHOUSE = "wheelhouse"
DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Carried:
    """A wheel to be put beside a lock: from where, to where."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Realized:
    """Resolutions that pin wheels only, how those that had to be built were, and their files."""

    resolutions: list[Resolution]
    builds: tuple[LockedBuild, ...] = ()
    carried: tuple[Carried, ...] = ()


class Building:
    """Builds for one site, on this machine and with the site's core; any thread may ask."""

    def __init__(self, site: SiteSpec, indexes: Sequence[IndexSpec], context: Context) -> None:
        self._site = site
        self._indexes = tuple(indexes)
        self._context = context
        self._lock = threading.Lock()

    def metadata(self, distribution: Distribution, path: str) -> bytes:
        """The text of the METADATA that a source distribution's wheel will have.

        Raises:
            BuildError: its backend fails, or there is no Python here that could tell.
        """
        machine, site = self._machine, self._site
        if not machine.python_full.startswith(site.core.python + "."):
            raise BuildError(
                f"{distribution.filename} tells its metadata only to a Python {site.core.python}, "
                f"and {machine.interpreter} is Python {machine.python_full}",
                where=f"{site.file} (core.python)",
                mend=f"set core.interpreter to a Python {site.core.python}",
            )
        with self._lock:
            return self._builder.metadata(_source_of(distribution, path))

    def may_build(self, project: NormalizedName) -> bool:
        """Whether the site lets wheels of the project be built."""
        return self._site.resolver.may_build(project)

    def wheel(self, distribution: Distribution, path: str) -> "Built":
        """The wheel of a source distribution. Whether it fits a target, its tags tell.

        Raises:
            BuildError: its backend fails.
        """
        return self.from_source(_source_of(distribution, path))

    def from_source(self, source: "Source") -> "Built":
        """The wheel of a source.

        Raises:
            BuildError: its backend fails.
        """
        with self._lock:
            return self._builder.wheel(source)

    @property
    def python_full(self) -> str:
        """The version of the Python that builds."""
        return self._machine.python_full

    @cached_property
    def _machine(self) -> Machine:
        """This machine with the site's core, or with a Python of its version that is found here.

        Without one, envc's own: a wheel without compiled code is the same from any.
        """
        core = self._site.core
        own = machine_of(core.interpreter)
        if core.interpreter is None and not own.python_full.startswith(core.python + "."):
            found = shutil.which(f"python{core.python}")
            with suppress(UsageError):
                return machine_of(found)
        return own

    @cached_property
    def _builder(self) -> "Builder":
        from envc.build import Builder

        return Builder(
            self._machine,
            kept=f"{self._context.cache}/builds-v1",
            provide=self._provide,
            reporter=self._context.reporter,
        )

    def _provide(self, label: str, requirements: Sequence[str]) -> "Sequence[Tool]":
        """The wheels that a build asks for, from the site's indexes; none of them is built."""
        from envc.build import Tool

        machine, policy = self._machine, self._site.resolver
        problem = Problem(
            layer=f"the build of {label}",
            targets=(
                make_target(
                    "build",
                    python_full=machine.python_full,
                    platform=machine.platform,
                    libc=machine.libc,
                ),
            ),
            roots=tuple(_sourced(text, label) for text in requirements),
            policy=ResolverSpec(prereleases=policy.prereleases, exclude_newer=policy.exclude_newer),
        )
        with IndexSource(
            self._indexes,
            dict(self._site.sources),
            cache=self._context.cache,
            mode="offline" if self._context.offline else "online",
            reporter=self._context.reporter,
        ) as source:
            try:
                pins = resolve(problem, source).pins
            except UnsatisfiableError as error:
                raise BuildError.of(error.faults) from error
            return [
                Tool(f"{pin.project}=={pin.version}", source.file(pin.distributions[0]))
                for pin in pins
            ]


@dataclass(frozen=True, slots=True)
class Supply:
    """Where candidates come from, and who builds wheels for those that have none (None: nobody)."""

    source: IndexSource
    building: Building | None


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


def carry(wheels: Iterable[Carried]) -> None:
    """Put wheels beside the lock that names them.

    Raises:
        OutsideError: the disk refused.
    """
    for wheel in wheels:
        try:
            os.makedirs(os.path.dirname(wheel.destination), exist_ok=True)
            with open(wheel.source, "rb") as file:
                write_file(wheel.destination, file.read())
        except OSError as error:
            raise disk_error(error, "keep a wheel that was built", wheel.destination) from error


def has_its_wheels(lock: Lock, folder: str) -> bool:
    """Whether the wheels that were built for a lock in that folder are there."""
    return all(
        os.path.isfile(place_of(folder, build.wheel, build.wheel_digest)) for build in lock.builds
    )


class _Realizer:
    """Wheels for source distributions; each is looked for, or built, once."""

    def __init__(self, supply: Supply, present: Lock | None, folder: str) -> None:
        self._building = supply.building
        self._source = supply.source
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
        if self._building is None:
            raise OutsideError(
                f"{sdist.filename} has to be built, which is for `envc lock` to do",
                where=for_people(sdist.url),
                mend="lock it first, or ask for a version that has wheels",
            )
        source = self._source.file(sdist)
        built = self._building.wheel(sdist, source)
        filename = os.path.basename(built.path)
        self.carried[place_of(self._folder, filename, built.digest)] = built.path
        self.builds[filename] = LockedBuild(
            wheel=filename,
            wheel_digest=built.digest,
            source=unquote(sdist.url.removeprefix(f"file://{quote(self._folder)}/")),
            source_digest=sdist.digest or digest_of_file(source),
            requires=built.requires,
            python_full=self._building.python_full,
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
        self._source.adopt(wheel, path)
        return wheel


def place_of(folder: str, filename: str, digest: Digest) -> str:
    """Where a lock in that folder finds a wheel that was built for it: named by its content."""
    return f"{folder}/{WHEELHOUSE}/{hex_of(digest)[:DIGEST_DIGITS]}/{filename}"


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


def _source_of(distribution: Distribution, path: str) -> "Source":
    from envc.build import Source

    return Source(
        label=f"{distribution.project} {distribution.version}",
        path=path,
        digest=distribution.digest or digest_of_file(path),
    )


def _sourced(text: str, label: str) -> SourcedRequirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise BuildError(
            f"{label} cannot be built: it requires {text!r}, which is no requirement",
            where=label,
            mend="ask for a version that has wheels, or tell its authors",
        ) from error
    return SourcedRequirement(requirement, Origin(f"the build of {label}", 0, ""))
