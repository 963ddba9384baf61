"""Nodes that are real slurmd under a slurmctld of their own, each with its own disk at one path.

All of it is in a network, mount and host name space of its own: Slurm wants an address that is not
the loopback's, and names in /etc/hosts.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.daemons import DIES_WITH_US, Daemons, daemons, program, until

ADDRESS = "10.99.0.1"
SLURM = """\
ClusterName=rig
SlurmctldHost=rig({address})
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmdLogFile={folder}/slurmd.%n.log
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
SlurmdTimeout=10
InactiveLimit=5
{more}
NodeName=n[1-{number}] NodeHostname=rig NodeAddr={address} Port=[7001-{last}] CPUs=1 RealMemory=500
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
SETUP = """\
mount --make-rprivate /
ip link set lo up
ip link add rig0 type veth peer name rig1
ip addr add {address}/24 dev rig0
ip link set rig0 up
hostname rig
mount --bind {folder}/hosts /etc/hosts
touch {folder}/ready
exec sleep infinity
"""


@dataclass(frozen=True)
class SlurmNodes:
    """The nodes `n1` to `nN`; all have their target at the same path."""

    folder: Path
    target: Path
    names: tuple[str, ...]
    running: Daemons
    holder: int

    def disk(self, node: str) -> Path:
        """What the node has at `target`, as it is seen from outside."""
        return self.folder / "disks" / node

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command where Slurm is."""
        enter = ["nsenter", "-t", str(self.holder), "-m", "-u", "-n"]
        return [*enter, "env", f"SLURM_CONF={self.folder}/slurm.conf", *command]

    def run(
        self,
        *command: object,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = 90,
    ) -> subprocess.CompletedProcess[str]:
        """A command of an administrator; its folder is entered again behind the new mounts."""
        words = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(cwd or "/")]
        return subprocess.run(
            self.inside([*words, *map(str, command)]),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**os.environ, **(environment or {})},
        )

    def on(self, node: str, *command: object) -> subprocess.CompletedProcess[str]:
        """A command on the node itself, as what its slurmd starts."""
        enter = ["nsenter", "-t", str(self.running.pid(node)), "-m", "-u", "-n"]
        words = [*enter, "env", f"SLURM_CONF={self.folder}/slurm.conf", f"SLURMD_NODENAME={node}"]
        return subprocess.run(
            [*words, *map(str, command)], capture_output=True, text=True, check=False, timeout=90
        )

    def start(self, node: str) -> None:
        for folder in (self.disk(node), self.folder / "spool" / node):
            folder.mkdir(parents=True, exist_ok=True)
        script = 'mount --make-rprivate / && mount --bind "$1" "$2" && shift 2 && exec "$@"'
        slurmd = [program("slurmd"), "-D", "-N", node]
        own = ["unshare", "-m", "sh", "-c", script, "sh", str(self.disk(node)), str(self.target)]
        self.running.start(node, [*DIES_WITH_US, *self.inside([*own, *slurmd])])

    def stop(self, node: str) -> None:
        self.running.kill(node)

    def idle(self) -> set[str]:
        """Which nodes are idle."""
        said = self.run("sinfo", "-h", "-N", "-o", "%N %T")
        pairs = map(str.split, said.stdout.splitlines())
        return {node for node, state in pairs if state == "idle"}

    def current(self, node: str) -> str | None:
        link = self.disk(node) / "current"
        return os.readlink(link) if link.is_symlink() else None


@contextmanager
def slurm_nodes(folder: Path, number: int, *, more: str = "") -> Iterator[SlurmNodes]:
    """So many nodes, idle. `more` are further lines of slurm.conf."""
    target = folder / "Canopy"
    for path in (target, folder / "munge", folder / "state"):
        path.mkdir(exist_ok=True)  # other daemons may serve the same disks
    (folder / "munge").chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} rig\n")
    (folder / "slurm.conf").write_text(
        SLURM.format(folder=folder, address=ADDRESS, number=number, last=7000 + number, more=more)
    )
    with daemons(folder) as running:
        setup = SETUP.format(folder=folder, address=ADDRESS)
        space = ["unshare", "-m", "-u", "-n", "sh", "-e", "-c", setup]
        holder = running.start("holder", [*DIES_WITH_US, *space])
        until((folder / "ready").exists, "the name space")
        names = tuple(f"n{i}" for i in range(1, number + 1))
        nodes = SlurmNodes(folder, target, names, running, holder.pid)
        munge = [
            program("munged"),
            "--foreground",
            "--force",
            f"--socket={folder}/munge/socket",
            f"--key-file={folder}/munge.key",
            f"--log-file={folder}/munged.log",
            f"--pid-file={folder}/munged.pid",
            f"--seed-file={folder}/munged.seed",
        ]
        running.start("munge", [*DIES_WITH_US, *nodes.inside(munge)])
        until((folder / "munge/socket").exists, "munged")
        running.start("ctl", [*DIES_WITH_US, *nodes.inside([program("slurmctld"), "-D"])])
        for name in names:
            nodes.start(name)
        until(lambda: len(nodes.idle()) == number, "Slurm")
        yield nodes
