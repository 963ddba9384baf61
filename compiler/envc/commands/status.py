"""`envc status`: what each node runs, by the node's own word."""

from collections.abc import Mapping

from envc.errors import Fault
from envc.fleet.asking import Nodes, ask_nodes, folded, why_not
from envc.fleet.state import StateFolder, said_in
from envc.model.digest import Digest
from envc.model.nodes import WantedGroups
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
        wanted = said_in(StateFolder(state_folder).required())
    words = ["status", *(["--drift"] if drift else [])]
    said = ask_nodes(asked, words, engine)
    nodes = {node: _status(word, _wanted_of(node, wanted)) for node, word in said.items()}
    of_all = [status.wanted for status in nodes.values()]
    return StatusReport(
        ok=all(status.condition in _GOOD for status in nodes.values()),
        engine=engine.name,
        target=asked.target,
        wanted=of_all[0] if all(each == of_all[0] for each in of_all) else None,
        sets=folded({node: status.condition for node, status in nodes.items()}),
        nodes=nodes,
    )


def _wanted_of(node: str, wanted: WantedGroups | None) -> dict[str, Digest] | None:
    """The closures that a node is to run; None: nobody wants anything of it."""
    group = wanted.group_of([node]) if wanted is not None else None
    return dict(group.generations[0].closures) if group is not None else None


def _status(word: Word, wanted: dict[str, Digest] | None) -> NodeStatus:
    if not isinstance(word, NodeReport):
        condition, reason, mend = why_not(word)
        told = str(Fault(reason, mend=mend))
        return NodeStatus(condition=condition, wanted=wanted, reason=told)
    return NodeStatus(
        condition=_condition(word, wanted),
        wanted=wanted,
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
