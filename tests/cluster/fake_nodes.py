"""Nodes in memory: an engine that runs each node's step in this process, and breaks on request."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from envc.formats.node_line import json_in, node_line
from envc.model.nodes import Limits, NodeAnswer
from support.sites import SiteFolder, envc

# sh, -c, what it does, its name, the target, the question; envc follows where it may be asked.
_LOOK_WORDS = 6


def values_in(output: str) -> dict[str, Any]:
    """What the envc of a node wrote."""
    text = json_in(output)
    assert text is not None, output
    values = json.loads(text)
    assert isinstance(values, dict)
    return values


Trouble = Callable[[NodeAnswer], NodeAnswer]


class FakeEngine:
    """`ports.Engine` without processes.

    `down` nodes cannot be reached. `troubles` change what a node has to say: each is used once, in
    order.
    `steps` remembers (node, step) of all that was asked of envc, `passes` counts how often nodes
    were asked, `answered` those that answered without envc.
    """

    name = "fake"

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.troubles: dict[str, list[Trouble]] = {}
        self.steps: list[tuple[str, str]] = []
        self.passes = 0
        self.answered: list[str] = []
        self.copied: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda node, step: None

    def run(
        self,
        commands: Mapping[str, Sequence[str]],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        self.passes += 1
        for node, command in commands.items():
            heard(self._changed(node, self._answer(node, command)))

    def copy(
        self,
        path: str,
        destinations: Mapping[str, str],
        limits: Limits,
        heard: Callable[[NodeAnswer], None],
    ) -> None:
        for node, place in destinations.items():
            self.copied.append((node, Path(place).parent.name))
            shutil.copyfile(path, place)
            heard(NodeAnswer(node=node, outcome="ended", status=0))

    def _answer(self, node: str, command: Sequence[str]) -> NodeAnswer:
        if node in self.down:
            return NodeAnswer(
                node=node, outcome="unreachable", trouble="ssh: connect: No route to host\n"
            )
        if command[0] == "mkdir":
            for folder in command[2:]:
                Path(folder).mkdir(parents=True, exist_ok=True)
            return NodeAnswer(node=node, outcome="ended", status=0)
        if command[0] == "sh":
            told = self._look(node, command[:_LOOK_WORDS])
            if told is not None or len(command) == _LOOK_WORDS:
                return told or _unsure(node)
        words = list(command[command.index("node") :])
        _bring_kit(words[words.index("--target") + 1])
        self.steps.append((node, words[1]))
        self.before(node, words[1])
        answer = envc(*words)
        return NodeAnswer(
            node=node,
            outcome="ended",
            status=answer.status,
            output=f"Welcome to {node}\n{answer.stdout}",
            trouble=answer.stderr,
        )

    def _look(self, node: str, command: Sequence[str]) -> NodeAnswer | None:
        """What the shell says without envc; None: nothing."""
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert not done.stderr
        values = values_in(done.stdout)
        if values["step"] == "unsure":
            return None
        self.answered.append(node)
        return NodeAnswer(node=node, outcome="ended", status=0, output=done.stdout)

    def _changed(self, node: str, answer: NodeAnswer) -> NodeAnswer:
        if answer == _unsure(node):
            return answer
        waiting = self.troubles.get(node, [])
        return waiting.pop(0)(answer) if waiting else answer


def _unsure(node: str) -> NodeAnswer:
    return NodeAnswer(node=node, outcome="ended", status=0, output=node_line({"step": "unsure"}))


def _bring_kit(target: str) -> None:
    """These nodes run this envc; what a kit would have left there is a file of that name."""
    command = Path(target) / "bin/envc"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.touch()


def said(**values: Any) -> Trouble:
    """The node says this instead."""

    def change(answer: NodeAnswer) -> NodeAnswer:
        return replace(answer, output=node_line(values_in(answer.output) | values))

    return change


def killed(answer: NodeAnswer) -> NodeAnswer:
    """What the node did is done, and its answer never came."""
    return replace(answer, outcome="ended", status=137, output="", trouble="Killed\n")


class Cluster:
    """A site that is locked, and nodes below `root/nodes`, their stores warm."""

    def __init__(self, site: SiteFolder, store: Path) -> None:
        self.site = site
        self._store = store

    @property
    def target(self) -> str:
        return f"{self.site.root}/nodes/{{node}}/Canopy"

    @property
    def state(self) -> Path:
        return self.site.root / "state"

    def folder(self, node: str) -> Path:
        return Path(self.target.replace("{node}", node))

    def warm(self, *nodes: str) -> None:
        """Give these nodes a store with every wheel."""
        for node in nodes:
            shutil.copytree(self._store, self.folder(node) / "store", symlinks=True)

    def current(self, node: str) -> str | None:
        link = self.folder(node) / "current"
        return str(link.readlink()) if link.is_symlink() else None

    def upgrade(self) -> None:
        """Change the site: its next generation is another."""
        self.site.edit('requires = ["report"]', 'requires = ["report", "six"]')
        self.site.done("lock")

    def nodes(self) -> Iterator[str]:
        yield from sorted(path.name for path in (self.site.root / "nodes").iterdir())
