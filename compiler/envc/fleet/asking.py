"""Every node's own envc, asked the same at once, and what each says."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from envc.cluster.node_sets import expand, fold
from envc.model.nodes import (
    NOT_ROOT,
    NOT_ROOT_MEND,
    Lacks,
    Limits,
    NodeAnswer,
    Refusal,
    Silence,
    Unsure,
)
from envc.model.value import field, value
from envc.ports import Engine
from envc.rollout.words import Word, word_of

State = TypeVar("State", bound=str)

_NOT_FOUND = 127


@value(kw_only=True)
class Nodes:
    """Which nodes to ask, and how. `{node}` in `target` is the node's name."""

    nodes: str
    target: str
    limits: Limits = field(default_factory=Limits)


def ask_nodes(asked: Nodes, words: Sequence[str], engine: Engine) -> dict[str, Word]:
    """What each node of a set says to `envc node …`, in the set's order.

    Raises:
        UsageError: no such nodes.
        OutsideError: the engine cannot be used.
    """
    said: dict[str, Word] = dict.fromkeys(expand(asked.nodes), Silence("unreachable"))

    def hear(answer: NodeAnswer) -> None:
        said[answer.node] = word_of(answer)

    places = {node: asked.target.replace("{node}", node) for node in said}
    commands = {
        node: [f"{place}/bin/envc", "node", *words, "--target", place]
        for node, place in places.items()
    }
    engine.run(commands, asked.limits, hear)
    return said


def why_not(
    word: Silence | Refusal | Lacks | Unsure,
) -> tuple[Literal["absent", "failed", "pending"], str, str]:
    """What a node is that gave no report, why, and how to mend it."""
    if isinstance(word, Refusal):
        what, where, mend = word.fault
        return "failed", f"{where}: {what}" if where else what, mend
    if not isinstance(word, Silence):
        return "failed", "its answer is none to what it was asked", ""
    if word.outcome in {"busy", "drained"}:
        return "pending", f"it is {word.outcome}: {word.told}".removesuffix(": "), ""
    if word.outcome == "not root":
        return "failed", f"{NOT_ROOT}: {word.told}", NOT_ROOT_MEND
    if word.outcome == "ended" and word.status == _NOT_FOUND:
        return "absent", "no envc is there: nothing was rolled out", ""
    told = {"late": "no answer in time", "unreachable": "no answer came back"}
    what = told.get(word.outcome, f"it ended with status {word.status}")
    return "failed", f"{what}: {word.told}" if word.told else what, ""


def folded(states: Mapping[str, State]) -> dict[State, str]:
    """The nodes of each state as a set, in order of the states."""
    sets: dict[State, list[str]] = defaultdict(list)
    for node, state in states.items():
        sets[state].append(node)
    return {state: fold(nodes) for state, nodes in sorted(sets.items())}
