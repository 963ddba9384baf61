"""What `envc status --json` prints."""

from typing import Literal, get_args

from envc.model.digest import Digest
from envc.model.value import field, value

NodeCondition = Literal["present", "converged", "behind", "drifted", "absent", "failed", "pending"]
NODE_CONDITIONS: tuple[NodeCondition, ...] = get_args(NodeCondition)


@value(kw_only=True)
class NodeStatus:
    """One node. `drift` counts paths that differ, None: nobody looked. `reason`: why it failed.

    `in_use` are generations that running processes hold: gc keeps them. `wanted` are the closures
    that it is to run, None: nobody wants anything of it, or that is not known.
    """

    condition: NodeCondition
    generation: int | None = None
    digest: Digest | None = None
    closures: dict[str, Digest] = field(default_factory=dict)
    drift: int | None = None
    in_use: tuple[int, ...] = ()
    free_bytes: int | None = None
    free_files: int | None = None
    machine: str = ""
    envc: str = ""
    reason: str = ""
    wanted: dict[str, Digest] | None = None


@value(kw_only=True)
class StatusReport:
    """What the nodes said; `ok`: all of them run what they should. `sets` folds equal ones.

    `wanted` is what all of them are to run, None: they differ, or that is not known.
    """

    ok: bool
    engine: str
    target: str
    wanted: dict[str, Digest] | None
    sets: dict[NodeCondition, str]
    nodes: dict[str, NodeStatus]
