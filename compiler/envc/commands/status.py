"""`envc status`: what each node runs, by the node's own word."""

from collections import defaultdict
from dataclasses import field
from typing import Any, Literal, NamedTuple

from envc.cluster.node_sets import expand, fold
from envc.errors import Fault
from envc.fleet.wanted import required_state
from envc.formats.node_line import values_in
from envc.model.digest import Digest
from envc.model.nodes import Limits, NodeAnswer
from envc.model.value import value
from envc.ports import Engine
from envc.reports.status import NodeCondition, NodeStatus, StatusReport

_NOT_FOUND = 127
_GOOD: tuple[NodeCondition, ...] = ("present", "converged")


@value(kw_only=True)
class StatusOptions:
    """Which nodes to ask. `state` is the folder of a wanted state to compare them with.

    `{node}` in `target` is the node's name; with `drift` nodes compare every byte of their trees.
    """

    nodes: str
    target: str
    state: str | None = None
    drift: bool = False
    limits: Limits = field(default_factory=Limits)


class Silence(NamedTuple):
    """Why a node gave no answer of envc's."""

    state: Literal["absent", "failed", "pending"]
    reason: str


def ask_nodes(options: StatusOptions, engine: Engine) -> StatusReport:
    """What each node runs.

    Raises:
        UsageError: no such nodes, or no wanted state where one was named.
        OutsideError: the engine cannot be used.
    """
    nodes = expand(options.nodes)
    wanted = None if options.state is None else _closures(options.state)
    found: dict[str, NodeStatus] = {}

    def hear(answer: NodeAnswer) -> None:
        found[answer.node] = _status(answer, wanted)

    commands = {}
    for node in nodes:
        target = options.target.replace("{node}", node)
        words = ["node", "status", "--target", target, *(["--drift"] if options.drift else [])]
        commands[node] = [f"{target}/bin/envc", *words]
    engine.run(commands, options.limits, hear)
    sets: dict[NodeCondition, list[str]] = defaultdict(list)
    for node in nodes:
        sets[found[node].condition].append(node)
    return StatusReport(
        ok=all(status.condition in _GOOD for status in found.values()),
        engine=engine.name,
        target=options.target,
        wanted=wanted,
        sets={condition: fold(some) for condition, some in sorted(sets.items())},
        nodes={node: found[node] for node in nodes},
    )


def _closures(state: str) -> dict[str, Digest]:
    return dict(required_state(state).generations[0].closures)


def answer_of(answer: NodeAnswer) -> dict[str, Any] | Silence:
    """What the envc of a node said, else why it said nothing."""
    if answer.outcome == "busy":
        return Silence("pending", "it is busy")
    values = values_in(answer.output)
    if answer.outcome == "ended" and values is not None:
        return values
    if answer.outcome == "ended" and answer.status == _NOT_FOUND:
        return Silence("absent", "no envc is there: nothing was rolled out")
    last = next(reversed(answer.trouble.strip().splitlines()), "").strip()
    told = {"late": "no answer in time", "unreachable": "no answer came back"}
    what = told.get(answer.outcome, f"it ended with status {answer.status}")
    return Silence("failed", f"{what}: {last}" if last else what)


def _status(answer: NodeAnswer, wanted: dict[str, Digest] | None) -> NodeStatus:
    values = answer_of(answer)
    if isinstance(values, Silence):
        return NodeStatus(condition=values.state, reason=values.reason)
    if values["faults"]:
        return NodeStatus(condition="failed", reason=str(Fault(*values["faults"][0])))
    return NodeStatus(
        condition=_condition(values, wanted),
        generation=values["generation"],
        digest=values["digest"],
        closures=values["closures"],
        drift=values["drift"],
        in_use=tuple(values["in_use"]),
        free_bytes=values["free_bytes"],
        free_files=values["free_files"],
        machine=values["machine"],
        envc=values["envc"],
    )


def _condition(values: dict[str, Any], wanted: dict[str, Digest] | None) -> NodeCondition:
    if values["generation"] is None:
        return "absent"
    if values["drift"]:
        return "drifted"
    if wanted is None:
        return "present"
    return "converged" if values["closures"] == wanted else "behind"
