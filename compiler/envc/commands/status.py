"""`envc status`: what each node runs, by the node's own word."""

from collections.abc import Mapping

from envc.errors import Fault
from envc.fleet.asking import Nodes, ask_nodes, folded, why_not
from envc.fleet.state import StateFolder
from envc.model.digest import Digest
from envc.ports import Engine
from envc.reports.node import NodeReport
from envc.reports.status import NodeCondition, NodeStatus, StatusReport
from envc.rollout.words import Word

_GOOD: tuple[NodeCondition, ...] = ("present", "converged")


def status_of_nodes(
    asked: Nodes, engine: Engine, *, state_folder: str | None = None, drift: bool = False
) -> StatusReport:
    """What each node runs, compared with the wanted state in a folder, if one is named.

    With `drift` nodes compare every byte of their trees.

    Raises:
        UsageError: no such nodes, or no wanted state where one was named.
        OutsideError: the engine cannot be used.
    """
    wanted = None
    if state_folder is not None:
        state = StateFolder(state_folder)
        wanted = dict(state.wanted(state.required()).generations[0].closures)
    words = ["status", *(["--drift"] if drift else [])]
    said = ask_nodes(asked, words, engine)
    nodes = {node: _status(word, wanted) for node, word in said.items()}
    return StatusReport(
        ok=all(status.condition in _GOOD for status in nodes.values()),
        engine=engine.name,
        target=asked.target,
        wanted=wanted,
        sets=folded({node: status.condition for node, status in nodes.items()}),
        nodes=nodes,
    )


def _status(word: Word, wanted: Mapping[str, Digest] | None) -> NodeStatus:
    if not isinstance(word, NodeReport):
        condition, reason, mend = why_not(word)
        return NodeStatus(condition=condition, reason=str(Fault(reason, mend=mend)))
    return NodeStatus(
        condition=_condition(word, wanted),
        generation=word.generation,
        digest=word.digest,
        closures=word.closures,
        drift=word.drift,
        in_use=word.in_use,
        free_bytes=word.free_bytes,
        free_files=word.free_files,
        machine=word.machine,
        envc=word.envc,
    )


def _condition(report: NodeReport, wanted: Mapping[str, Digest] | None) -> NodeCondition:
    if report.generation is None:
        return "absent"
    if report.drift:
        return "drifted"
    if wanted is None:
        return "present"
    return "converged" if report.closures == wanted else "behind"
