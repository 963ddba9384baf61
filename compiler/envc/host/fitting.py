"""Which of a lock's targets this machine is, or why it is none of them."""

from collections.abc import Iterable

from envc.errors import UsageError
from envc.host.machine import cpu_name, cpu_runs
from envc.model.lock import Lock
from envc.model.target import Machine, Target


def target_for(lock: Lock, machine: Machine) -> Target:
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


def _misfits(target: Target, machine: Machine) -> Iterable[str]:
    if target.platform != machine.platform:
        yield f"it is {target.platform}, this is {machine.platform}"
        return
    wanted, present = target.python_full.split("."), machine.python_full.split(".")
    if wanted[:2] != present[:2]:
        yield f"it has Python {target.python_full}, this has {machine.python_full}"
    elif int(wanted[2]) > int(present[2]):
        yield f"it needs Python {target.python_full} or later, this has {machine.python_full}"
    if target.libc.split("-")[0] != machine.libc.split("-")[0]:
        yield f"it has {target.libc}, this has {machine.libc or 'another C library'}"
    elif _numbers(target.libc) > _numbers(machine.libc):
        yield f"it needs {target.libc} or later, this has {machine.libc}"
    if target.cpu is not None and not cpu_runs(target.cpu):
        yield f"it needs a CPU of {target.cpu}, this has {cpu_name()}"


def _numbers(libc: str) -> tuple[int, ...]:
    version = libc.partition("-")[2]
    return tuple(int(part) for part in version.split(".") if part.isdigit())
