"""Nodes that have no Python: processes that find a few plain tools on their PATH, and no more."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from envc.cluster.processes import run_processes
from envc.model.nodes import Limits, NodeAnswer

TOOLS = (
    "cat", "cp", "date", "dirname", "env", "gzip", "id", "mkdir", "mv", "readlink", "rm", "sh",
    "sha256sum", "stat", "sync", "tar",
)  # fmt: skip


def tools(folder: Path) -> Path:
    """A folder with the tools that such a node has."""
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


class BareEngine:
    """`ports.Engine`: each node is a process with these tools; `passes` counts how often it asks.

    `copied` remembers what was brought to whom.
    """

    name = "bare"

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        self._home = home
        self.passes = 0
        self.copied: list[tuple[str, str]] = []

    def words(self, command: Sequence[str]) -> list[str]:
        """A command as a bare node runs it."""
        return ["env", "-i", f"PATH={self.path}", f"HOME={self._home}", *command]

    def run(
        self,
        commands: Mapping[str, Sequence[str]],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        self.passes += 1
        run_processes({node: self.words(each) for node, each in commands.items()}, limits, heard)

    def copy(
        self,
        path: str,
        destinations: Mapping[str, str],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        self.copied += [(node, Path(place).parent.name) for node, place in destinations.items()]
        copies = {node: ["cp", "--", path, place] for node, place in destinations.items()}
        run_processes(copies, limits, heard)
