"""The default engine: ClusterShell over ssh, flat or through the gateways of its `topology.conf`.

Where `clush -w NODES hostname` works, so does this: groups, topology and ssh's options are those
that the site has configured for ClusterShell (`groups.conf`, `topology.conf`, `clush.conf`;
CLUSTERSHELL_CFGDIR). It carries control; a file goes to each node by scp, from the machine that
runs envc.
"""

import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from configparser import ConfigParser
from typing import Any

from ClusterShell.Defaults import config_paths
from ClusterShell.Event import EventHandler
from ClusterShell.NodeSet import NodeSet
from ClusterShell.Task import Task, task_self
from ClusterShell.Topology import TopologyError
from ClusterShell.Worker.Worker import WorkerError

from envc.cluster.bounded import bounded, late_if_told, patient
from envc.cluster.processes import Said
from envc.errors import OutsideError
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places

# What ssh ends with where it cannot connect, and ClusterShell where a gateway was lost.
_NO_CONNECTION = frozenset({255, os.EX_PROTOCOL})
_GATEWAY_LOST = "its gateway was lost"

_STREAMS = ("stdout", "stderr")

# What clush takes from [Main] of clush.conf for ssh; the library itself does not read that file.
_SSH_OPTIONS = ("ssh_user", "ssh_path", "ssh_options", "scp_path", "scp_options")


class _Listener(EventHandler):  # type: ignore[misc] # ClusterShell has no types
    """Turns ClusterShell's events into answers, one a node."""

    def __init__(self, nodes: Iterable[str], heard: Heard) -> None:
        self.silent = set(nodes)
        self._heard = heard
        self._said: dict[tuple[str, str], Said] = defaultdict(Said)

    def ev_read(self, worker: Any, node: str, sname: str, msg: bytes) -> None:  # noqa: ARG002 - the base's form
        """A node's command has written a line."""
        self._said[node, sname].add(msg + b"\n")

    def ev_hup(self, worker: Any, node: str, rc: int | None) -> None:  # noqa: ARG002
        """A node's command has ended."""
        output, trouble = (str(self._said.pop((node, name), "")) for name in _STREAMS)
        if rc is None:
            return  # it is told by `ev_close` that it took too long
        if rc in _NO_CONNECTION:
            broken = "the connection broke, or the command was killed"
            why = trouble.strip() or (_GATEWAY_LOST if rc == os.EX_PROTOCOL else broken)
            self.tell(NodeAnswer(node=node, outcome="unreachable", trouble=why))
            return
        self.tell(NodeAnswer(node=node, outcome="ended", status=rc, output=output, trouble=trouble))

    def ev_close(self, worker: Any, timedout: bool) -> None:  # noqa: FBT001 - the base's form
        """All nodes of a worker have ended, or took too long."""
        if timedout:
            for node in worker.iter_keys_timeout():
                self.tell(NodeAnswer(node=str(node), outcome="late"))

    def tell(self, answer: NodeAnswer) -> None:
        """The first answer of a node counts."""
        if answer.node in self.silent:
            self.silent.discard(answer.node)
            self._heard(answer)


class ClusterShellEngine:
    """`ports.Engine` with ClusterShell: nodes that do the same are one worker of its."""

    name = "clustershell"

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        lines = {node: shlex.join(bounded(each, limits)) for node, each in commands.items()}
        _carry_out(Task.shell, lines, patient(limits), lambda answer: heard(late_if_told(answer)))

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """As the port has it."""

        def copy(task: Task, place: str, **how: object) -> None:
            task.copy(path, place, **how)

        _carry_out(copy, places, limits, heard)


def _carry_out(
    begin: Callable[..., None], works: Mapping[str, str], limits: Limits, heard: Heard
) -> None:
    """Begin workers, wait for all of them, and tell of nodes that nobody heard of."""
    alike: dict[str, list[str]] = defaultdict(list)
    for node, work in works.items():
        alike[work].append(node)
    listener = _Listener(works, heard)
    how = {"handler": listener, "timeout": limits.timeout_seconds, "stderr": True}
    task = task_self()
    task.set_info("fanout", limits.fan_out)
    for name in _STREAMS:  # it would keep all that nodes write
        task.set_default(f"{name}_msgtree", value=False)
    for key, value in _configured().items():
        task.set_info(key, value)
    try:
        for work, nodes in alike.items():
            begin(task, work, nodes=NodeSet.fromlist(nodes), **how)
        task.run()
    except (TopologyError, WorkerError, OSError) as error:
        task.abort()
        raise OutsideError(
            f"ClusterShell cannot be used: {error}",
            mend="correct its configuration: `clush -w NODE hostname` must work",
        ) from error
    for node in sorted(listener.silent):  # a gateway that dies midway takes its leaves along
        listener.tell(NodeAnswer(node=node, outcome="unreachable", trouble=_GATEWAY_LOST))


def _configured() -> dict[str, str | float]:
    """How the site has clush call ssh."""
    parser = ConfigParser(interpolation=None)
    parser.read(config_paths("clush.conf"))
    main = dict(parser["Main"]) if parser.has_section("Main") else {}
    found: dict[str, str | float] = {key: main[key] for key in _SSH_OPTIONS if main.get(key)}
    if main.get("connect_timeout"):
        found["connect_timeout"] = float(main["connect_timeout"])
    return found
