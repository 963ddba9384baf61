"""`envc gc --nodes`: what each node removes or would remove, and why the rest stays."""

from envc.fleet.asking import Nodes, ask_nodes, folded, why_not
from envc.model.nodes import Unsure
from envc.ports import Engine
from envc.reports.gc_nodes import NodeCollected, NodesCollectReport
from envc.reports.node import NodeReport
from envc.rollout.words import Word


def collect_on_nodes(
    asked: Nodes, engine: Engine, *, newest: int | None = None, dry_run: bool = False
) -> NodesCollectReport:
    """Have every node remove what nothing keeps, each by its own leases, pins and wanted state.

    `newest` as for gc.

    Raises:
        UsageError: no such nodes.
        OutsideError: the engine cannot be used.
    """
    words = ["collect"]
    if newest is not None:
        words += ["--newest", str(newest)]
    if dry_run:
        words.append("--dry-run")
    said = ask_nodes(asked, words, engine)
    nodes = {node: _collected(word) for node, word in said.items()}
    return NodesCollectReport(
        ok=all(each.state == "collected" for each in nodes.values()),
        engine=engine.name,
        target=asked.target,
        dry_run=dry_run,
        sets=folded({node: each.state for node, each in nodes.items()}),
        nodes=nodes,
    )


def _collected(word: Word) -> NodeCollected:
    done = word.collected if isinstance(word, NodeReport) else None
    if not isinstance(word, NodeReport) or done is None:
        state, reason, mend = why_not(Unsure() if isinstance(word, NodeReport) else word)
        return NodeCollected(state=state, reason=reason, mend=mend)
    return NodeCollected(
        state="collected",
        kept=done.kept,
        removed=done.removed,
        stored_trees_removed=done.stored_trees_removed,
        others_removed=done.others_removed,
        free_bytes=word.free_bytes,
    )
