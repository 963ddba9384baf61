"""The engine of a site: any program that runs a command on nodes, called as the spec says.

One that takes a set of nodes writes `NODE: ` before each line of a node, as pdsh does; what is not
written so is the engine's own. How a command ended on a node, it says itself, in its last line.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
        takes_sets = _takes_sets(self._spec.run)
        saying = ("sh", "-c", _SAYING, "sh") if takes_sets else ()
        lines = {
            node: shlex.join([*saying, *bounded(command, limits)])
            for node, command in commands.items()
        }

        def told(call: NodeAnswer, nodes: Sequence[str]) -> None:
            answers = answers_in(call, nodes) if takes_sets else [replace(call, node=nodes[0])]
            for answer in answers:
                heard(late_if_told(answer))

        _call(self._spec.run, "command", lines, patient(limits), told)

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

        def told(call: NodeAnswer, nodes: Sequence[str]) -> None:
            for node in nodes:
                heard(replace(call, node=node))

        _call(self._spec.copy, "place", places, limits, told, path=path)


def _call(
    words: Sequence[str],
    name: str,
    works: Mapping[str, str],
    limits: Limits,
    told: Callable[[NodeAnswer, Sequence[str]], None],
    **more: str,
) -> None:
    """Call the program for all nodes; `works` has what the word of that `name` is for each.

    One that takes sets is called once for all nodes alike. No more nodes are worked on at once than
    the limits allow.
    """
    most = _NODES_OF_A_CALL if _takes_sets(words) else 1
    groups = list(_alike(works, most))
    calls = {}
    for number, (work, nodes) in enumerate(groups):
        filled = {"fan_out": str(limits.fan_out), "node": nodes[0], "nodes": fold(nodes)}
        calls[str(number)] = _filled(words, {**more, **filled, name: work})
    largest = max((len(nodes) for _, nodes in groups), default=1)
    limits = replace(limits, fan_out=max(1, limits.fan_out // largest))
    run_processes(calls, limits, lambda call: told(call, groups[int(call.node)][1]))


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


def _alike(works: Mapping[str, str], most: int) -> Iterator[tuple[str, list[str]]]:
    """Each work with the nodes that do it, so many at the most."""
    alike: dict[str, list[str]] = defaultdict(list)
    for node, work in works.items():
        alike[work].append(node)
    for work, nodes in alike.items():
        for start in range(0, len(nodes), most):
            yield work, nodes[start : start + most]


def _takes_sets(words: Sequence[str]) -> bool:
    return any("{nodes}" in word for word in words)


def _filled(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The words with what stands for their names; what is filled in is not looked at again."""
    return [re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], name[0]), word) for word in words]
