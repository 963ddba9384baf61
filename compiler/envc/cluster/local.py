"""The engine for one machine: a node is a process, and its target a folder of its own."""

from collections.abc import Callable, Mapping, Sequence

from envc.cluster.processes import run_processes
from envc.model.nodes import Limits, NodeAnswer


class LocalEngine:
    """`ports.Engine` with processes of this machine."""

    name = "local"

    def run(
        self,
        commands: Mapping[str, Sequence[str]],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        """As the port has it."""
        run_processes(commands, limits, heard)

    def copy(
        self,
        path: str,
        destinations: Mapping[str, str],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        """As the port has it."""
        copies = {node: ["cp", "--", path, place] for node, place in destinations.items()}
        run_processes(copies, limits, heard)
