"""The engine of an allocation, or of an administrator's jobs: one step a node, never one for all.

A step that names several nodes ends as a whole when one of them is lost. Inside an allocation
(`SLURM_JOB_ID`) steps run beside the job's own; outside, each node gets a job that starts at once
or not at all: a node that is busy is pending, and the next roll-out comes back to it.

Sources: srun(1), sbcast(1), salloc(1)
"""

import math
import os
import shutil
from collections.abc import Sequence

from envc.cluster.processes import run_processes
from envc.errors import OutsideError
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places
from envc.model.value import replace

_IMMEDIATE_SECONDS = 10
# What srun and salloc say instead of running a command.
_BUSY = ("nodes are busy", "Immediate execution impossible", "Unable to allocate resources: Job/st")
_ABSENT = (
    "node not available",
    "Communication connection failure",
    "Invalid node name",
    "Node failure",
    "DOWN",
)


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
        steps = {node: [*how, f"--nodelist={node}", *command] for node, command in commands.items()}
        run_processes(steps, limits, heard, read=understood)

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
        run_processes(jobs, limits, heard, read=understood)

    def _how(self, limits: Limits) -> Sequence[str]:
        if self._inside:
            return ("--overlap",)
        minutes = math.ceil(limits.timeout_seconds / 60)
        return (f"--immediate={_IMMEDIATE_SECONDS}", f"--time={minutes}", "--job-name=envc")


def _sbcast(path: str, place: str) -> list[str]:
    return ["sbcast", "--force", "--preserve", path, place]


def understood(answer: NodeAnswer) -> NodeAnswer:
    """An answer in which Slurm, not the command, says no."""
    if answer.outcome != "ended" or answer.status == 0:
        return answer
    if any(words in answer.trouble for words in _BUSY):
        return replace(answer, outcome="busy", status=None)
    if any(words in answer.trouble for words in _ABSENT):
        return replace(answer, outcome="unreachable", status=None)
    return answer
