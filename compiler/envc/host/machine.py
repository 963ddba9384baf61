"""What this machine is: its platform, C library and interpreters."""

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from envc.disk.sights import Asking
from envc.errors import UsageError

if TYPE_CHECKING:
    from envc.model.target import Machine

_QUESTION = "import sys; print(*sys.version_info[:3], sep='.'); print(sys.implementation.name)"
_ANSWER_SECONDS = 30


def default_interpreter() -> str:
    """The interpreter that runs envc: that of its virtual environment's base, not the link."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return os.path.abspath(base)


def interpreter_stamp(path: str) -> str:
    """What tells an interpreter from another one at the same path; "": it cannot be run."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    runs = os.access(path, os.X_OK)
    return f"{path} {status.st_size} {status.st_mtime_ns}" if runs else ""


@lru_cache(maxsize=8)
def machine_of(interpreter: str | None) -> "Machine":
    """This machine with that interpreter; None: the one that runs envc.

    Raises:
        UsageError: the interpreter does not run, or is no CPython.
    """
    from envc.model.target import Machine  # what carries out a kept plan needs none

    path = interpreter or default_interpreter()
    python_full, implementation = _ask(path) if interpreter else _own()
    if implementation != "cpython":
        raise UsageError(
            f"the interpreter is {implementation}, and envc compiles for CPython",
            where=path,
            mend="set core.interpreter to a CPython",
        )
    machine = os.uname()
    system = {"Linux": "linux", "Darwin": "macos"}.get(machine.sysname, machine.sysname.lower())
    return Machine(
        interpreter=path,
        python_full=python_full,
        platform=f"{system}-{machine.machine}",
        libc=_libc(),
    )


def cpu_runs(level: str) -> bool:
    """Whether this machine's CPU has all that a level has: `x86-64-v3`, or a CPU's name (`zen4`).

    Raises:
        UsageError: nobody knows the level.
    """
    from archspec import cpu  # type: ignore[import-untyped] # it has no stubs

    wanted = cpu.TARGETS.get(level.replace("-", "_"))
    if wanted is None:
        raise UsageError(
            f"{level!r} is no CPU that envc knows", mend="use a level such as x86-64-v3"
        )
    return bool(wanted <= cpu.host())


def cpu_name() -> str:
    """What this machine's CPU is, and its general level."""
    from archspec import cpu

    host = cpu.host()
    return f"{host.name} ({host.generic.name.replace('_', '-')})"


def _own() -> tuple[str, str]:
    return ".".join(map(str, sys.version_info[:3])), sys.implementation.name


def _ask(interpreter: str) -> tuple[str, str]:
    import subprocess  # most runs ask no interpreter

    try:
        with Asking(interpreter):
            answer = subprocess.run(
                [interpreter, "-I", "-S", "-c", _QUESTION],
                capture_output=True,
                text=True,
                check=True,
                timeout=_ANSWER_SECONDS,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"the interpreter does not run: {error}",
            where=interpreter,
            mend="install it on this machine, or correct core.interpreter",
        ) from error
    python_full, implementation = answer.stdout.split()
    return python_full, implementation


def _libc() -> str:
    """`glibc-2.N`, `musl-1.N` or `macos-N.M`; empty where there is no such thing."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (AttributeError, ValueError, OSError):
        return _libc_of_tags()
    return f"{name}-{version}"


def _libc_of_tags() -> str:
    """The C library of a system without glibc, read off the first tag it takes."""
    from packaging.tags import platform_tags

    kinds = {"musllinux": "musl", "macosx": "macos"}
    kind, major, minor, *_ = [*next(iter(platform_tags())).split("_"), "", ""]
    return f"{kinds[kind]}-{major}.{minor}" if kind in kinds else ""
