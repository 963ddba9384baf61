"""What this machine is: its platform, C library and interpreters; and of what targets it is."""

import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from envc.disk.sights import Asking
from envc.errors import UsageError

if TYPE_CHECKING:
    from envc.model.lock import Lock
    from envc.model.target import Machine, Target

_QUESTION = (
    "import sys; print('%d.%d.%d' % sys.version_info[:3] + 't' * ('t' in sys.abiflags));"
    " print(sys.implementation.name)"
)
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
    from envc.model.python import running_python_full
    from envc.model.target import Machine  # what carries out a kept plan needs none

    path = interpreter or default_interpreter()
    own = running_python_full(), sys.implementation.name
    python_full, implementation = _ask(path) if interpreter else own
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
            mend="install it on this machine, or correct core.interpreter; where only nodes have "
            "it, give each [[target]] its version as python-full: `envc lock` needs none then",
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


def target_for(lock: "Lock", machine: "Machine") -> "Target":
    """The lock's target that fits this machine best, the newest C library first.

    A lock that names no target (another tool's) is read for the machine as it is.

    Raises:
        UsageError: the machine is none of the targets; with the reason for each.
    """
    if not lock.targets:
        return machine.target("host")
    reasons = {target.name: list(_misfits(target, machine)) for target in lock.targets}
    fitting = [target for target in lock.targets if not reasons[target.name]]
    if not fitting:
        told = "; ".join(f"target {name}: {', '.join(why)}" for name, why in reasons.items())
        raise UsageError(
            f"this machine is none of the targets that layer {lock.layer} is locked for: {told}",
            where=machine.interpreter,
            mend="add this kind of machine as a [[target]] and lock again, or use another node",
        )
    return max(fitting, key=lambda target: (_numbers(target.libc), target.cpu or "", target.name))


def _misfits(target: "Target", machine: "Machine") -> Iterable[str]:
    if target.platform != machine.platform:
        yield f"it is {target.platform}, this is {machine.platform}"
        return
    if target.python != machine.python:
        yield f"it has Python {target.python_full}, this has {machine.python_full}"
    elif _micro(target) > _micro(machine):
        yield f"it needs Python {target.python_full} or later, this has {machine.python_full}"
    if target.libc.split("-")[0] != machine.libc.split("-")[0]:
        yield f"it has {target.libc}, this has {machine.libc or 'another C library'}"
    elif _numbers(target.libc) > _numbers(machine.libc):
        yield f"it needs {target.libc} or later, this has {machine.libc}"
    if target.cpu is not None and not cpu_runs(target.cpu):
        yield f"it needs a CPU of {target.cpu}, this has {cpu_name()}"


def _micro(kind: "Target | Machine") -> int:
    return int(kind.version.rpartition(".")[2])


def _numbers(libc: str) -> tuple[int, ...]:
    version = libc.partition("-")[2]
    return tuple(int(part) for part in version.split(".") if part.isdigit())
