"""Wheels built from sources, kept: a source is built once for each kind of machine.

<cache>/builds-v1/<key of the source's digest, the Python, the machine and our own code>/
    build.json, <the wheel>     a build that succeeded
    METADATA                    what the backend said before a build
    log.txt                     all that the backend printed, the last time
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from envc.build.environment import BuildEnvironment
from envc.build.hooks import Hooks, build_system
from envc.build.source import Source, unpack
from envc.disk.cache import record_use
from envc.disk.digests import digest_of_file
from envc.disk.durable import disk_error, write_file
from envc.disk.memo import memo_key
from envc.errors import BuildError
from envc.formats.core_metadata import wheel_metadata
from envc.formats.values import FormError, json_of, value_of_json
from envc.model.digest import Digest, digest_of
from envc.model.target import Machine
from envc.model.value import replace, value
from envc.ports import Reporter

BUILD_TASK = "build"
_KEY_DIGITS = 24
# Whose code decides what is built.
_ROOMS = ("build", "formats", "model")


@value(kw_only=True)
class Built:
    """A wheel, and the pins (`name==version`, in order) that it was built with."""

    path: str
    digest: Digest
    size_bytes: int
    requires: tuple[str, ...]


@value
class Tool:
    """A wheel that a build needs: its pin, and a file with its bytes."""

    pin: str
    path: str


Provide = Callable[[str, Sequence[str]], Sequence[Tool]]
"""Who needs it, requirements → the wheels that meet them, dependencies included, in order."""


class Builder:
    """Builds for `machine`, and keeps what it built below the folder `kept`."""

    def __init__(
        self, machine: Machine, *, kept: str, provide: Provide, reporter: Reporter
    ) -> None:
        self._machine = machine
        self._kept = kept
        self._provide = provide
        self._reporter = reporter

    def metadata(self, source: Source) -> bytes:
        """The text of METADATA that the source's wheel has, or will have.

        Raises:
            BuildError: the project's backend fails.
            OutsideError, UntrustedError: what it needs cannot be had.
        """
        folder = self._folder(source)
        built = self._built(folder)
        if built is None:
            told = self._told(source, folder)
            if told is not None:
                return told
            built = self._build(source, folder)
        return _metadata_of(built.path, source.label)

    def wheel(self, source: Source) -> Built:
        """The wheel of a source, built now or before; an editable one of a source in place.

        Raises:
            BuildError: the project's backend fails.
            OutsideError, UntrustedError: what it needs cannot be had.
        """
        folder = self._folder(source)
        return self._built(folder) or self._build(source, folder)

    def _told(self, source: Source, folder: str) -> bytes | None:
        """What the backend says of a wheel before it builds one, now or before; None: nothing."""
        place = f"{folder}/METADATA"
        with suppress(FileNotFoundError), open(place, "rb") as file:
            return file.read()
        with self._workshop(source, folder) as workshop:
            content = workshop.hooks.metadata(workshop.place("metadata"))
        if content is not None:
            write_file(place, content)
        return content

    def _build(self, source: Source, folder: str) -> Built:
        with self._workshop(source, folder) as workshop:
            path = workshop.hooks.wheel(workshop.place("wheel"))
            return self._keep(path, folder, workshop.tools, source.label)

    def _folder(self, source: Source) -> str:
        machine = self._machine
        key = memo_key(_ROOMS, source.digest, machine.python_full, machine.platform, machine.libc)
        return f"{self._kept}/{key[:_KEY_DIGITS]}"

    def _built(self, folder: str) -> Built | None:
        """What was built before, if all of it is still there."""
        try:
            with open(f"{folder}/build.json", "rb") as file:
                kept = value_of_json(Built, file.read())
            path = f"{folder}/{os.path.basename(kept.path)}"
            if digest_of_file(path) != kept.digest:
                return None
            record_use(os.path.dirname(self._kept), folder)
            return replace(kept, path=path)
        except (OSError, FormError):
            return None

    def _keep(self, path: str, folder: str, tools: tuple[str, ...], label: str) -> Built:
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise BuildError(
                f"{label} cannot be built: its backend names a wheel that it did not write",
                where=f"{folder}/log.txt",
                mend="ask for a version that has wheels, or tell its authors",
            ) from error
        built = Built(
            path=f"{folder}/{os.path.basename(path)}",
            digest=digest_of(content),
            size_bytes=len(content),
            requires=tools,
        )
        write_file(built.path, content)
        write_file(f"{folder}/build.json", json_of(built))
        return built

    @contextmanager
    def _workshop(self, source: Source, folder: str) -> Iterator["_Workshop"]:
        """Everything that a build needs, in a folder that is removed afterwards."""
        log = f"{folder}/log.txt"
        self._reporter.start(BUILD_TASK, 0, "builds")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                os.unlink(log)
            scratch = tempfile.mkdtemp(prefix="envc-build-")
            try:
                yield self._equipped(source, scratch, log)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            raise disk_error(error, f"build {source.label}") from error
        finally:
            self._reporter.advance(BUILD_TASK)
            self._reporter.finish(BUILD_TASK)

    def _equipped(self, source: Source, scratch: str, log: str) -> "_Workshop":
        """The unpacked source and its backend, with all that the backend asks for."""
        os.mkdir(f"{scratch}/unpacked")
        project = unpack(source, f"{scratch}/unpacked")
        system = build_system(project, source.label)
        environment = BuildEnvironment(scratch, self._machine.interpreter, log)
        tools = self._provide(source.label, system.requires)
        environment.install(tool.path for tool in tools)
        hooks = Hooks(
            system,
            project,
            source.label,
            in_place=source.in_place,
            environment=environment,
            log=log,
        )
        further = hooks.requires()
        if further:
            tools = self._provide(source.label, (*system.requires, *further))
            environment.install(tool.path for tool in tools)
        return _Workshop(scratch, hooks, tuple(sorted(tool.pin for tool in tools)))


@value
class _Workshop:
    scratch: str
    hooks: Hooks
    tools: tuple[str, ...]

    def place(self, name: str) -> str:
        """A new folder for what a hook writes."""
        path = f"{self.scratch}/{name}"
        os.mkdir(path)
        return path


def _metadata_of(wheel: str, label: str) -> bytes:
    try:
        with open(wheel, "rb") as file:
            return wheel_metadata(file)
    except ValueError as error:
        raise BuildError(
            f"{label} cannot be built: its backend wrote a wheel without metadata",
            where=wheel,
            mend="ask for a version that has wheels, or tell its authors",
        ) from error
