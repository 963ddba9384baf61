"""Nodes that are real sshd on the loopback, each with its own disk at one path and its own name."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.daemons import Daemons, daemons, free_port, in_node, listens, program, until

SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
ListenAddress {address}:{port}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 200
MaxSessions 200
UseDNS no
SetEnv ENVC_CACHE_DIR={disk}/cache HOME={disk} ENVC_NODE={name}{path}
Subsystem sftp internal-sftp
"""
SSH = """\
Host {name}
  HostName {address}
  Port {port}
"""
SSH_ALL = """\
Host *
  User root
  IdentityFile {folder}/key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""


@dataclass(frozen=True)
class SshNodes:
    """The nodes `n1` to `nN`; all have their target at the same path."""

    folder: Path
    target: Path
    names: tuple[str, ...]
    running: Daemons
    port: int
    path: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What leads ClusterShell to these nodes."""
        return {"CLUSTERSHELL_CFGDIR": str(self.folder)}

    def disk(self, node: str) -> Path:
        """What the node has at `target`, as it is seen from outside."""
        return self.folder / "disks" / node

    def address(self, node: str) -> str:
        number = int(node.removeprefix("n"))
        return f"127.1.{number // 250 + 1}.{number % 250 + 1}"

    def start(self, node: str, *, megabytes: int | None = None) -> None:
        self.disk(node).mkdir(parents=True, exist_ok=True)
        settings = self.folder / f"sshd_{node}"
        settings.write_text(
            SSHD.format(
                folder=self.folder,
                address=self.address(node),
                port=self.port,
                disk=self.folder / "homes" / node,
                name=node,
                path="" if self.path is None else f" PATH={self.path}",
            )
        )
        (self.folder / "homes" / node).mkdir(parents=True, exist_ok=True)
        sshd = [program("sshd"), "-D", "-e", "-f", str(settings)]
        place = in_node(self.disk(node), self.target, node, sshd, megabytes=megabytes)
        self.running.start(node, place)

    def wait(self, node: str) -> None:
        until(lambda: listens(self.address(node), self.port), f"sshd of {node}")

    def stop(self, node: str) -> None:
        self.running.kill(node)

    def ssh(
        self, node: str, command: str, *, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        words = ["ssh", "-F", str(self.folder / "ssh_config"), node, command]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds)

    def current(self, node: str) -> str | None:
        link = self.disk(node) / "current"
        return os.readlink(link) if link.is_symlink() else None


@contextmanager
def ssh_nodes(folder: Path, number: int, *, path: str | None = None) -> Iterator[SshNodes]:
    """So many nodes, up and answering; `path` is where they have their programs."""
    target = folder / "Canopy"
    target.mkdir()
    for name in ("key", "host_key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    with daemons(folder) as running:
        names = tuple(f"n{i}" for i in range(1, number + 1))
        nodes = SshNodes(folder, target, names, running, free_port(), path)
        hosts = [
            SSH.format(name=name, address=nodes.address(name), port=nodes.port) for name in names
        ]
        hosts.append(SSH_ALL.format(folder=folder))
        (folder / "ssh_config").write_text("".join(hosts))
        (folder / "clush.conf").write_text(
            f"[Main]\nssh_options: -F {folder}/ssh_config\nconnect_timeout: 5\n"
        )
        for name in names:
            nodes.start(name)
        for name in names:
            nodes.wait(name)
        yield nodes
