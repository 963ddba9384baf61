"""What `envc gc nodes --json` prints."""

from typing import Literal

from envc.model.value import field, value

CollectState = Literal["collected", "absent", "failed", "pending"]


@value(kw_only=True)
class NodeCollected:
    """One node: what it keeps and why, what it removed or would remove; `reason`: why it did not.

    `free_bytes` is what is free there afterwards.
    """

    state: CollectState
    kept: dict[int, str] = field(default_factory=dict)
    removed: tuple[int, ...] = ()
    stored_trees_removed: tuple[str, ...] = ()
    others_removed: tuple[str, ...] = ()
    free_bytes: int | None = None
    reason: str = ""
    mend: str = ""


@value(kw_only=True)
class NodesCollectReport:
    """What the nodes did; `ok`: all of them. `sets` folds those of one state."""

    ok: bool
    engine: str
    target: str
    dry_run: bool
    sets: dict[CollectState, str]
    nodes: dict[str, NodeCollected]
