"""The hooks of a project's build backend (PEP 517), run with a log.

What a project without `[build-system]` means: setuptools, as PEP 517 and PEP 518 have it.
"""

import os
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard, TypeVar

from envc.build.environment import BuildEnvironment
from envc.errors import BuildError
from envc.model.value import value

_DEFAULT_REQUIRES = ("setuptools>=40.8.0",)
_DEFAULT_BACKEND = "setuptools.build_meta:__legacy__"
_SHOWN_LINES = 12
_MEND = (
    "see the whole log; install what the build lacks, ask for a version that has wheels, "
    "or leave it out with no-build"
)

Reply = TypeVar("Reply")


@value
class BuildSystem:
    """`[build-system]`: what the backend needs, what it is, and where it is, if in the project."""

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()


def build_system(folder: str, label: str) -> BuildSystem:
    """The build system of the project in a folder.

    Raises:
        BuildError: its `pyproject.toml` is none, or there is nothing to build.
    """
    path = f"{folder}/pyproject.toml"
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("build-system")
    except FileNotFoundError:
        if not os.path.exists(f"{folder}/setup.py"):
            what = f"{label} cannot be built: it has neither pyproject.toml nor setup.py"
            raise BuildError(what, where=folder, mend="ask for a version that has wheels") from None
        table = None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unreadable(label, str(error)) from error
    match table:
        case None:
            return BuildSystem(_DEFAULT_REQUIRES, _DEFAULT_BACKEND)
        case {"requires": [*requires], **rest} if all(isinstance(r, str) for r in requires):
            backend = rest.get("build-backend", _DEFAULT_BACKEND)
            inside = rest.get("backend-path", [])
            if isinstance(backend, str) and _is_texts(inside):
                return BuildSystem(tuple(requires), backend, tuple(inside))
    raise _unreadable(label, "[build-system] has no list `requires`, or keys of a wrong type")


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _unreadable(label: str, reason: str) -> BuildError:
    return BuildError(
        f"{label} cannot be built: its pyproject.toml is not one: {reason}",
        where=label,
        mend="ask for a version that has wheels, or tell its authors",
    )


class Hooks:
    """The backend of the project in `folder`; it runs in `environment` and prints to `log`.

    `label` names the project to people. With `in_place` it is asked for a wheel that leads to the
    project where it stands (PEP 660).
    """

    def __init__(
        self,
        system: BuildSystem,
        folder: str,
        label: str,
        *,
        in_place: bool,
        environment: BuildEnvironment,
        log: str,
    ) -> None:
        from pyproject_hooks import BuildBackendHookCaller, BuildBackendWarning

        # They are for the project's authors. The same filter twice is one.
        warnings.simplefilter("ignore", BuildBackendWarning)
        self._environment = environment
        self._label = label
        self._log = log
        caller = BuildBackendHookCaller(
            folder,
            system.backend,
            list(system.backend_path) or None,
            runner=self._run,
            python_executable=environment.python,
        )
        self._caller = caller
        self._build = caller.build_editable if in_place else caller.build_wheel
        self._needs = caller.get_requires_for_build_wheel
        if in_place:
            self._needs = caller.get_requires_for_build_editable

    def requires(self) -> tuple[str, ...]:
        """What the backend needs beyond `[build-system]` to build."""
        return tuple(self._call(self._needs))

    def metadata(self, folder: str) -> bytes | None:
        """The text of the METADATA that a wheel would have; None where only a build can tell."""
        from pyproject_hooks import HookMissing

        def prepare() -> bytes | None:
            try:
                name = self._caller.prepare_metadata_for_build_wheel(folder, _allow_fallback=False)
            except HookMissing:
                return None
            with open(os.path.join(folder, os.path.basename(name), "METADATA"), "rb") as file:
                return file.read()

        return self._call(prepare)

    def wheel(self, folder: str) -> str:
        """The path of the wheel that the backend writes into `folder`."""
        name = self._call(lambda: self._build(folder))
        return os.path.join(folder, os.path.basename(name))

    def _call(self, hook: Callable[[], Reply]) -> Reply:
        from pyproject_hooks import BackendUnavailable, HookMissing, UnsupportedOperation

        try:
            return hook()
        except subprocess.CalledProcessError as error:
            raise self._failed(_last_lines(self._log)) from error
        except BackendUnavailable as error:
            last = (error.traceback or "").strip().splitlines()[-1:]
            raise self._failed(["the build backend cannot be imported", *last]) from error
        except (HookMissing, UnsupportedOperation, OSError, ValueError, TypeError) as error:
            raise self._failed([f"{type(error).__name__}: {error}"]) from error

    def _failed(self, lines: Sequence[str]) -> BuildError:
        text = "".join(f"\n  {line}" for line in lines)
        return BuildError(f"{self._label} cannot be built:{text}", where=self._log, mend=_MEND)

    def _run(
        self,
        cmd: Sequence[str],  # the library calls by these names
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        """Run a hook's process: nothing of the person's environment but what builds need."""
        with open(self._log, "ab") as log:
            subprocess.run(
                cmd,
                cwd=cwd,
                env=self._environment.variables() | dict(extra_environ or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                umask=0o022,
                process_group=0,
                check=True,
            )


def _last_lines(log: str) -> list[str]:
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in file if line.strip()]
    except OSError:
        return []
    return lines[-_SHOWN_LINES:]
