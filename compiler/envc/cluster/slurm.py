"""The engine of an allocation, or of an administrator's jobs: one step a node, never one for all.

A step that names several nodes ends as a whole when one of them is lost. Inside an allocation
(`SLURM_JOB_ID`) steps run beside the job's own; outside, each node gets a job that starts at once
or not at all: a node that is busy is pending, and the next roll-out comes back to it.

Sources: srun(1), sbcast(1), salloc(1), sinfo(1)
"""

import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from envc.cluster.bounded import bounded, late_if_told, patient
from envc.cluster.processes import run_processes
from envc.errors import OutsideError
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Outcome, Places
from envc.model.value import replace

_IMMEDIATE_SECONDS = 10
# What srun and salloc say instead of running a command.
_UNAVAILABLE = "node not available"
_REFUSALS: Mapping[str, Outcome] = {
    "nodes are busy": "busy",
    "Immediate execution impossible": "busy",
    "Unable to allocate resources: Job/st": "busy",
    _UNAVAILABLE: "unreachable",
    "Communication connection failure": "unreachable",
    "Invalid node name": "unreachable",
    "Node failure": "unreachable",
    "DOWN": "unreachable",
}
# One node a line: its name, its state in words, and why, where somebody has said so.
_SINFO = ("sinfo", "--noheader", "--Node", "--format=%N|%T|%E")
_SINFO_COLUMNS, _SINFO_SECONDS = 3, 20.0
_GONE = ("down", "fail", "not_responding", "*")


class Ailment(NamedTuple):
    """What Slurm has to say of a node that it does not give."""

    state: str
    reason: str


class SlurmEngine:
    """`ports.Engine` with srun and sbcast."""

    name = "slurm"

    def __init__(self) -> None:
        missing = [name for name in ("srun", "salloc", "sbcast") if shutil.which(name) is None]
        if missing:
            raise OutsideError(
                f"{' and '.join(missing)} cannot be found",
                mend="run envc where Slurm's commands are, or use another --engine",
            )
        self._inside = "SLURM_JOB_ID" in os.environ

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        how = ("srun", "--nodes=1", "--ntasks=1", "--input=none", "--chdir=/", *self._how(limits))
        steps = {
            node: [*how, f"--nodelist={node}", *bounded(command, limits)]
            for node, command in commands.items()
        }
        run_processes(steps, patient(limits), heard, read=_Reader().read)

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """As the port has it. A path that all nodes share goes down sbcast's tree, once."""
        if self._inside and len(set(places.values())) == 1:
            place = next(iter(places.values()))
            told: list[NodeAnswer] = []
            run_processes({"": _sbcast(path, place)}, limits, told.append)
            # It reaches nodes of the allocation that did not ask, which harms nobody.
            for node in places:
                heard(replace(told[0], node=node))
            return
        how = ("salloc", "--quiet", "--nodes=1", *self._how(limits))
        jobs = {
            node: [*how, f"--nodelist={node}", *_sbcast(path, place)]
            for node, place in places.items()
        }
        run_processes(jobs, limits, heard, read=_Reader().read)

    def _how(self, limits: Limits) -> Sequence[str]:
        if self._inside:
            return ("--overlap",)
        minutes = math.ceil(patient(limits).timeout_seconds / 60)
        return (f"--immediate={_IMMEDIATE_SECONDS}", f"--time={minutes}", "--job-name=envc")


def _sbcast(path: str, place: str) -> list[str]:
    return ["sbcast", "--force", "--preserve", path, place]


class _Reader:
    """Understands answers; Slurm is asked once, and only where it refused a node, what ails it."""

    @cached_property
    def _ailments(self) -> Mapping[str, Ailment]:
        told: list[NodeAnswer] = []
        run_processes({"": _SINFO}, Limits(timeout_seconds=_SINFO_SECONDS), told.append)
        return ailments_in(told[0].output)

    def read(self, answer: NodeAnswer) -> NodeAnswer:
        """The answer, as Slurm meant it."""
        return understood(answer, lambda: self._ailments.get(answer.node))


def ailments_in(text: str) -> dict[str, Ailment]:
    """Node → its state, and the reason that somebody gave for it, in what `sinfo` prints."""
    rows = (line.split("|", 2) for line in text.splitlines())
    return {row[0].strip(): Ailment(*row[1:]) for row in rows if len(row) == _SINFO_COLUMNS}


def understood(answer: NodeAnswer, ask: Callable[[], Ailment | None] = lambda: None) -> NodeAnswer:
    """An answer in which Slurm, not the command, says no; `ask` tells more of that node."""
    words = next((each for each in _REFUSALS if each in answer.trouble), None)
    if answer.outcome != "ended" or answer.status == 0 or words is None:
        return late_if_told(answer)
    outcome, trouble, ailment = _REFUSALS[words], answer.trouble, ask()
    if ailment is not None:
        reason = ailment.reason.removeprefix("none")
        has_it = f"Slurm has it {ailment.state}" + (f": {reason}" if reason else "")
        if ailment.state.startswith("drain"):
            outcome, trouble = "drained", reason
        elif any(word in ailment.state for word in _GONE):
            outcome, trouble = "unreachable", has_it
        elif words == _UNAVAILABLE:
            outcome, trouble = "busy", has_it
    return replace(answer, outcome=outcome, status=None, trouble=trouble)
