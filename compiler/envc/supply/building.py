"""Builds of one site: with its core, the requirements of builds resolved by envc itself."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envc.disk.digests import digest_of_file
from envc.errors import BuildError, UnsatisfiableError, UsageError
from envc.host.context import Context
from envc.host.machine import machine_of
from envc.index import IndexSource
from envc.model.digest import Digest
from envc.model.lock import LockedBuild
from envc.model.release import Distribution
from envc.model.resolution import Problem
from envc.model.spec import CoreSpec, IndexSpec, Origin, SourcedRequirement
from envc.model.target import Machine
from envc.model.value import value
from envc.resolve import resolve
from envc.sites.site import Site, machine_of_site

if TYPE_CHECKING:
    from envc.build import Builder, Built, Source, Tool  # most sites build nothing


class Building:
    """Builds for one site, on this machine and with the site's core; any thread may ask."""

    def __init__(self, site: Site, indexes: Sequence[IndexSpec], context: Context) -> None:
        self._here = site
        self._site = site.spec
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
            return self._builder.metadata(source_of(distribution, path))

    def may_build(self, project: NormalizedName) -> bool:
        """Whether the site lets wheels of the project be built."""
        return self._site.resolver.may_build(project)

    def wheel(self, source: "Source") -> "Built":
        """The wheel of a source. Whether it fits a target, its tags tell.

        Raises:
            BuildError: its backend fails.
        """
        with self._lock:
            return self._builder.wheel(source)

    def record(
        self, built: "Built", *, source: str, source_digest: Digest, requested: str = ""
    ) -> LockedBuild:
        """What a lock says of a wheel that was built; the arguments are as `LockedBuild` has them.

        The wheel was built by this Python, now or before: what is kept is kept for each Python.
        """
        return LockedBuild(
            wheel=os.path.basename(built.path),
            wheel_digest=built.digest,
            source=source,
            source_digest=source_digest,
            requires=built.requires,
            python_full=self._machine.python_full,
            requested=requested,
        )

    @cached_property
    def _machine(self) -> Machine:
        """This machine with the site's core, or with a Python of its version that is found here.

        Without one, envc's own: a wheel without compiled code is the same from any.
        """
        core = self._site.core
        own = machine_of_site(self._here)
        is_own = core == CoreSpec(python=core.python)
        if is_own and not own.python_full.startswith(core.python + "."):
            import shutil  # most runs build nothing

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

        machine = self._machine
        problem = Problem(
            layer=f"the build of {label}",
            targets=(machine.target("build"),),
            roots=tuple(_sourced(text, label) for text in requirements),
            policy=replace(self._site.resolver, resolution="highest", no_build=True, no_binary=()),
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
                Tool(f"{pin.project}=={pin.version}", source.reader.file(pin.distributions[0]))
                for pin in pins
            ]


@value
class Supply:
    """Where candidates come from, and who builds wheels for those that have none."""

    source: IndexSource
    building: Building
    context: Context


def source_of(distribution: Distribution, path: str) -> "Source":
    """What a source distribution, whose file is at `path`, is built from."""
    from envc.build import Source

    return Source(
        label=f"{distribution.project} {distribution.version}",
        path=path,
        digest=distribution.digest or digest_of_file(path),
    )


def _sourced(text: str, label: str) -> SourcedRequirement:
    from envc.formats.document import requirement_text  # brings pydantic, and few locks build

    try:
        requirement = Requirement(requirement_text(text))
    except ValueError as error:
        raise BuildError(
            f"{label} cannot be built: it requires {text!r}, which is no requirement",
            where=label,
            mend="ask for a version that has wheels, or tell its authors",
        ) from error
    return SourcedRequirement(requirement, Origin(f"the build of {label}", 0, ""))
