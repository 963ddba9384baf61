"""Carries out what a roll-out decides, with an engine: commands out, the nodes' answers in."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from getpass import getuser

from envc.fleet.deployment import Deployment
from envc.model.nodes import Commands, NodeAnswer, Silence
from envc.ports import Engine
from envc.reports.rollout import NodeState
from envc.rollout import begin, decide, hear
from envc.rollout.values import Ask, Bring, Command, Known, Order, Switch
from envc.rollout.words import Word, word_of


class Driver:
    """One roll-out that is carried out; `known` grows with each answer, and `heard` is told of it.

    `switch_words` are the options of a switch beside those that the deployment gives it.
    """

    def __init__(
        self,
        order: Order,
        deployment: Deployment,
        engine: Engine,
        heard: Callable[[NodeState], None],
        switch_words: Sequence[str],
    ) -> None:
        # Wall-clock time for the nodes' clocks, which a correction here does not move.
        self._behind_seconds = time.time() - time.monotonic()
        self.known = begin(order, self.now_seconds())
        self.deployment = deployment
        self.engine = engine
        self._heard = heard
        operator = f"{getuser()}@{os.uname().nodename}"
        self._switch_words = ("--operator", operator, *switch_words)

    def next(self) -> Command:
        """The next command."""
        known, command = decide(self.known)
        self._learn(known, known.nodes)
        return command

    def now_seconds(self) -> float:
        """The time, in seconds since 1970."""
        return self._behind_seconds + time.monotonic()

    def ask(self, command: Ask) -> None:
        """Have nodes prepare, and others look."""
        prepare = {node: self.deployment.prepare_command(node) for node in command.prepare}
        self._run(prepare | {node: self.deployment.look_command(node) for node in command.look})

    def switch(self, command: Switch) -> None:
        """Have nodes switch."""
        words = {node: ["--digest", each] for node, each in command.digests.items()}
        for node in command.nameless:
            words[node] += ["--node", node]
        switch = self.deployment.switch_command
        self._run({node: switch(node, (*words[node], *self._switch_words)) for node in words})

    def bring(self, command: Bring) -> None:
        """Carry files to nodes, all of one kind before those of the next."""
        deployment, limits = self.deployment, self.deployment.options.limits
        there = dict.fromkeys(command.lacks)

        def written(answer: NodeAnswer) -> None:
            if (answer.outcome, answer.status) != ("ended", 0):
                there.pop(answer.node, None)
                self._hear(answer.node, word_of(answer))

        folders = {
            node: [os.path.dirname(deployment.place(what, node)) for what in deployment.files]
            for node in there
        }
        make = {node: ["mkdir", "-p", *each] for node, each in folders.items()}
        self.engine.run(make, limits, written)
        for what, (path, _) in deployment.files.items():
            lacking = [node for node in there if what in deployment.to_bring(command.lacks[node])]
            if lacking:
                places = {node: deployment.place(what, node) for node in lacking}
                self.engine.copy(path, places, limits, written)
        for node in there:
            self._hear(node, Silence("ended", 0))

    def _run(self, commands: Commands) -> None:
        def answered(answer: NodeAnswer) -> None:
            self._hear(answer.node, word_of(answer))

        self.engine.run(commands, self.deployment.options.limits, answered)

    def _hear(self, node: str, word: Word) -> None:
        self._learn(hear(self.known, node, word, self.now_seconds()), (node,))

    def _learn(self, known: Known, nodes: Iterable[str]) -> None:
        before, self.known = self.known, known
        for node in nodes:
            if known.nodes[node].told != before.nodes[node].told:
                self._heard(known.nodes[node].told)
