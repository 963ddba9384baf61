"""The supply of a site: its indexes, and wheels built with its core of what they have none for."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.requirements import Requirement

from envc.disk.closing import Closing
from envc.disk.digests import digest_of_file
from envc.errors import BuildError, Fault, UnsatisfiableError, UsageError
from envc.host.context import Context
from envc.host.machine import machine_of
from envc.model.lock import LockedBuild
from envc.model.release import Distribution
from envc.model.resolution import Pin, Problem
from envc.model.spec import CoreSpec, Origin, SourcedRequirement
from envc.model.target import Machine
from envc.model.value import replace, value
from envc.resolve import resolve
from envc.sites.site import Site, machine_of_site
from envc.supply.indexes import open_source
from envc.supply.reference import file_at, release_of
from envc.supply.wheelhouse import WheelCopy, place_of

if TYPE_CHECKING:
    from envc.build import Builder, Built, Source, Tool  # most sites build nothing
    from envc.index.reader import MetadataReader

# So many builds may wait for each other.
_DEEPEST = 8


@value
class BuiltWheel:
    """A wheel that was built: its file as its lock has it, how it was, how it comes there."""

    file: Distribution
    build: LockedBuild
    copy: WheelCopy


@value
class Locker:
    """Who is to lock an overlay: another user ("user bob"), or whoever could; "" for the caller.

    `mend` is what is to be done where the overlay must be locked.
    """

    who: str
    mend: str

    def refusal(self, label: str) -> Fault | None:
        """Why the caller does not build `label` for the overlay; None: nothing is against it."""
        if not self.who:
            return None
        what = f"{label} would be built for an overlay of {self.who}, which runs code of theirs"
        return Fault(what, mend=self.mend)


class Supply(Closing):
    """Where candidates come from, and wheels for those that have none; any thread may ask."""

    def __init__(self, site: Site, context: Context, locker: Locker | None = None) -> None:
        """`locker` is who is to lock what this is for; None: the caller."""
        self.site = site
        self._locker = locker
        self.context = context
        self._builds = _Builds(self)
        self.source = open_source(site, context, self._builds.metadata)

    def close(self) -> None:
        """Let go of the indexes."""
        self.source.close()

    def built(
        self,
        source: "Source",
        recorded: str,
        *,
        folder: str,
        sdist: Distribution | None = None,
        requested: str = "",
    ) -> BuiltWheel:
        """The wheel of a source, built now or before, for the lock in `folder`.

        That calls the source `recorded` and `requested`. `sdist` is its source distribution, if an
        index lists that. Whether the wheel fits a target, its tags tell.

        Raises:
            BuildError: the project's backend fails, or builds another project.
            UsageError: it would be built for somebody else.
        """
        built = self._builds.wheel(source)
        filename = os.path.basename(built.path)
        release = release_of(filename)
        if release is None or (sdist and release != (sdist.project, sdist.version)):
            raise _other_project(source, built.path, is_own=sdist is None)
        place = place_of(folder, filename, built.digest)
        size = built.size_bytes
        file = file_at(f"file://{quote(place)}", release, digest=built.digest, size_bytes=size)
        if sdist:
            file = as_wheel_of(sdist, file)
        self.source.reader.adopt(file, built.path)
        build = LockedBuild(
            wheel=filename,
            wheel_digest=built.digest,
            source=recorded,
            source_digest=source.digest,
            requires=built.requires,
            python_full=self.machine.python_full,  # what is kept is kept for each Python
            requested=requested,
        )
        return BuiltWheel(file, build, WheelCopy(built.path, place))

    @cached_property
    def machine(self) -> Machine:
        """This machine with the site's core, or with a Python of its version that is found here.

        Without one, envc's own: a wheel without compiled code is the same from any.
        """
        core = self.site.spec.core
        own = machine_of_site(self.site)
        is_own = core == CoreSpec(python=core.python)
        if is_own and own.python != core.python:
            import shutil  # most runs build nothing

            found = shutil.which(f"python{core.python}")
            with suppress(UsageError):
                return machine_of(found)
        return own

    def refuse_for_others(self, label: str) -> None:
        """Refuse to build for an overlay that somebody else is to lock.

        Raises:
            UsageError: this is for one.
        """
        fault = self._locker.refusal(label) if self._locker is not None else None
        if fault is not None:
            raise UsageError.of([fault])


class _Builds:
    """Builds for a supply, one at a time; those that they need are for the next ones, deeper.

    `chain` are the labels of the builds that wait for these, the first one first.
    """

    def __init__(self, supply: Supply, chain: tuple[str, ...] = ()) -> None:
        self._supply = supply
        self._chain = chain
        self._lock = threading.Lock()

    def wheel(self, source: "Source") -> "Built":
        """The wheel of a source, built now or before."""
        self._refuse(source.label)
        with self._lock:
            return self._builder.wheel(source)

    def metadata(self, distribution: Distribution, path: str) -> bytes:
        """The text of the METADATA that a source distribution's wheel will have."""
        machine, site = self._supply.machine, self._supply.site.spec
        if machine.python != site.core.python:
            raise BuildError(
                f"{distribution.filename} tells its metadata only to a Python {site.core.python}, "
                f"and {machine.interpreter} is Python {machine.python_full}",
                where=f"{site.file} (core.python)",
                mend=f"set core.interpreter to a Python {site.core.python}",
            )
        source = source_of(distribution, path)
        self._refuse(source.label)
        with self._lock:
            return self._builder.metadata(source)

    def _refuse(self, label: str) -> None:
        self._supply.refuse_for_others(label)
        self._refuse_endless(label)

    def _refuse_endless(self, label: str) -> None:
        """Refuse a build that waits for itself, or for ever another one.

        Raises:
            BuildError: this is one.
        """
        if label in self._chain or len(self._chain) > _DEEPEST:
            way = " → ".join((*self._chain[-_DEEPEST:], label))
            raise BuildError(
                f"{label} cannot be built: builds that need each other have no end: {way}",
                where=label,
                mend="have an index, or a folder of wheels, offer a wheel of one of them",
            )

    @cached_property
    def _builder(self) -> "Builder":
        from envc.build import Builder

        context = self._supply.context
        return Builder(
            self._supply.machine,
            kept=f"{context.cache}/builds-v1",
            provide=self._provide,
            reporter=context.reporter,
        )

    def _provide(self, label: str, requirements: Sequence[str]) -> "Sequence[Tool]":
        """The wheels that a build asks for, from the site's indexes, or built in their turn."""
        site, context = self._supply.site, self._supply.context
        problem = Problem(
            layer=f"the build of {label}",
            targets=(self._supply.machine.target("build"),),
            roots=tuple(_sourced(text, label) for text in requirements),
            policy=replace(site.spec.resolver, resolution="highest", no_binary=()),
        )
        deeper = _Builds(self._supply, (*self._chain, label))
        with open_source(site, context, deeper.metadata) as source:
            try:
                pins = resolve(problem, source).pins
            except UnsatisfiableError as error:
                raise BuildError.of(error.faults) from error
            return [deeper.tool(pin, source.reader) for pin in pins]

    def tool(self, pin: Pin, reader: "MetadataReader") -> "Tool":
        """A pin that a build asks for: the index's wheel, or one that is built."""
        from envc.build import Tool

        file = pin.distributions[0]
        path = reader.file(file)
        if file.kind == "sdist":
            source = source_of(file, path)
            path = self.wheel(source).path
            if release_of(os.path.basename(path)) != (pin.project, pin.version):
                raise _other_project(source, path)
        return Tool(f"{pin.project}=={pin.version}", path)


def as_wheel_of(sdist: Distribution, file: Distribution) -> Distribution:
    """A wheel's file, with what its index says of the source distribution."""
    return replace(
        file, index=sdist.index, requires_python=sdist.requires_python, yanked=sdist.yanked
    )


def source_of(distribution: Distribution, path: str) -> "Source":
    """What a source distribution, whose file is at `path`, is built from."""
    from envc.build import Source

    return Source(
        label=f"{distribution.project} {distribution.version}",
        path=path,
        digest=distribution.digest or digest_of_file(path),
    )


def _other_project(source: "Source", path: str, *, is_own: bool = False) -> BuildError:
    own = "correct the project's configuration"
    return BuildError(
        f"{source.label} cannot be built: its backend wrote {os.path.basename(path)}",
        where=source.path if is_own else os.path.basename(source.path),
        mend=own if is_own else "ask for a version that has wheels, or tell its authors",
    )


def _sourced(text: str, label: str) -> SourcedRequirement:
    from envc.formats.document import requirement_text  # few locks build

    try:
        requirement = Requirement(requirement_text(text))
    except ValueError as error:
        raise BuildError(
            f"{label} cannot be built: it requires {text!r}, which is no requirement",
            where=label,
            mend="ask for a version that has wheels, or tell its authors",
        ) from error
    return SourcedRequirement(requirement, Origin(f"the build of {label}", 0, ""))
