"""`envc gc --nodes`: what each node removes or would remove, and why the rest stays."""

from collections import defaultdict
from dataclasses import field
from typing import Any

from envc.cluster.node_sets import expand, fold
from envc.commands.status import Silence, answer_of
from envc.model.nodes import Limits, NodeAnswer
from envc.model.value import value
from envc.ports import Engine
from envc.reports.gc_nodes import CollectState, NodeCollected, NodesCollectReport


@value(kw_only=True)
class NodesCollectOptions:
    """On which nodes to collect. `{node}` in `target` is the node's name; `newest` as for gc."""

    nodes: str
    target: str
    newest: int | None = None
    dry_run: bool = False
    limits: Limits = field(default_factory=Limits)


def collect_on_nodes(options: NodesCollectOptions, engine: Engine) -> NodesCollectReport:
    """Have every node remove what nothing keeps, each by its own leases, pins and wanted state.

    Raises:
        UsageError: no such nodes.
        OutsideError: the engine cannot be used.
    """
    nodes = expand(options.nodes)
    found: dict[str, NodeCollected] = {}

    def hear(answer: NodeAnswer) -> None:
        found[answer.node] = _collected(answer)

    commands = {node: _command(node, options) for node in nodes}
    engine.run(commands, options.limits, hear)
    sets: dict[CollectState, list[str]] = defaultdict(list)
    for node in nodes:
        sets[found[node].state].append(node)
    return NodesCollectReport(
        ok=all(each.state == "collected" for each in found.values()),
        engine=engine.name,
        target=options.target,
        dry_run=options.dry_run,
        sets={state: fold(some) for state, some in sorted(sets.items())},
        nodes={node: found[node] for node in nodes},
    )


def _command(node: str, options: NodesCollectOptions) -> list[str]:
    target = options.target.replace("{node}", node)
    words = [f"{target}/bin/envc", "node", "collect", "--target", target]
    if options.newest is not None:
        words += ["--newest", str(options.newest)]
    return [*words, "--dry-run"] if options.dry_run else words


def _collected(answer: NodeAnswer) -> NodeCollected:
    values = answer_of(answer)
    if isinstance(values, Silence):
        return NodeCollected(state=values.state, reason=values.reason)
    return _told(values)


def _told(values: dict[str, Any]) -> NodeCollected:
    if values["faults"]:
        what, where, mend = values["faults"][0]
        return NodeCollected(
            state="failed", reason=f"{where}: {what}" if where else what, mend=mend
        )
    done = values["collected"]
    return NodeCollected(
        state="collected",
        kept={int(number): reason for number, reason in done["kept"].items()},
        removed=tuple(done["removed"]),
        stored_trees_removed=tuple(done["stored_trees_removed"]),
        others_removed=tuple(done["others_removed"]),
        free_bytes=values["free_bytes"],
    )
