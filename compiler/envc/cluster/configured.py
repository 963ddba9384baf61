"""The engine of a site: any program that runs a command on nodes, called as the spec says.

One that takes a set of nodes writes `NODE: ` before each line of a node, as pdsh does; what is not
written so is the engine's own. How a command ended on a node, it says itself, in its last line.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from envc.cluster.bounded import bounded, late_if_told, patient
from envc.cluster.node_sets import fold
from envc.cluster.processes import run_processes
from envc.errors import UsageError
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places
from envc.model.spec import EngineSpec
from envc.model.value import replace

# A call's output is read from its end: as much of it as this many nodes have room in.
_NODES_OF_A_CALL = 256
_ENDED = "envc-ended "
_SAYING = f'"$@"; s=$?; echo; echo "{_ENDED}$s"'


class ConfiguredEngine:
    """`ports.Engine` by the commands of an `[engine.NAME]`."""

    def __init__(self, name: str, spec: EngineSpec) -> None:
        self.name = name
        self._spec = spec

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        own = {node: bounded(command, limits) for node, command in commands.items()}
        if not _takes_sets(self._spec.run):
            calls = {
                node: _filled(self._spec.run, limits, node=node, command=shlex.join(command))
                for node, command in own.items()
            }
            run_processes(calls, patient(limits), heard, read=late_if_told)
            return
        lines = {
            node: shlex.join(["sh", "-c", _SAYING, "sh", *command]) for node, command in own.items()
        }
        for line, nodes in _alike(lines):
            call = _filled(self._spec.run, limits, nodes=fold(nodes), command=line)
            for answer in answers_in(_called(call, patient(limits)), nodes):
                heard(late_if_told(answer))

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """As the port has it.

        Raises:
            UsageError: the spec says nothing of copying.
        """
        if not self._spec.copy:
            raise UsageError(
                f"engine {self.name!r} of the site copies nothing",
                mend=f"give [engine.{self.name}] a `copy`, or name a folder that all nodes see "
                "with --state",
            )
        if not _takes_sets(self._spec.copy):
            calls = {
                node: _filled(self._spec.copy, limits, node=node, path=path, place=place)
                for node, place in places.items()
            }
            run_processes(calls, limits, heard)
            return
        for place, nodes in _alike(places):
            call = _filled(self._spec.copy, limits, nodes=fold(nodes), path=path, place=place)
            answer = _called(call, limits)
            for node in nodes:
                heard(replace(answer, node=node))


def answers_in(call: NodeAnswer, nodes: Iterable[str]) -> Iterator[NodeAnswer]:
    """What each node says in what one call for all of them wrote."""
    output, trouble = _by_node(call.output), _by_node(call.trouble)
    for node in nodes:
        told = "\n".join(output.get(node, ())).rstrip()
        before, ended, status = told.rpartition(_ENDED)
        said = "\n".join(trouble.get(node, ()))
        if ended and status.isdecimal():
            before = before.removesuffix("\n").removesuffix("\n")
            text = f"{before}\n" if before else ""
            yield NodeAnswer(
                node=node, outcome="ended", status=int(status), output=text, trouble=said
            )
        elif call.outcome == "ended":
            own = call.trouble.strip().splitlines()
            why = said or next((line for line in own if node in line), "") or "\n".join(own[-1:])
            yield NodeAnswer(node=node, outcome="unreachable", trouble=why or "it said nothing")
        else:
            yield replace(call, node=node, status=None, output="", trouble=said or call.trouble)


def _by_node(text: str) -> Mapping[str, list[str]]:
    lines: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        node, colon, said = line.partition(":")
        if colon:
            lines[node.strip()].append(said.removeprefix(" "))
    return lines


def _alike(works: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each work with the nodes that do it, so many at once."""
    alike: dict[str, list[str]] = defaultdict(list)
    for node, work in works.items():
        alike[work].append(node)
    for work, nodes in alike.items():
        for start in range(0, len(nodes), _NODES_OF_A_CALL):
            yield work, nodes[start : start + _NODES_OF_A_CALL]


def _called(call: Sequence[str], limits: Limits) -> NodeAnswer:
    told: list[NodeAnswer] = []
    run_processes({"": call}, limits, told.append)
    return told[0]


def _takes_sets(words: Sequence[str]) -> bool:
    return any("{nodes}" in word for word in words)


def _filled(words: Sequence[str], limits: Limits, **values: str) -> list[str]:
    known = {"fan_out": str(limits.fan_out), **values}
    return [re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], name[0]), word) for word in words]
