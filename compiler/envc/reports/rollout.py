"""What a roll-out says: of each node as it goes on, and of all of them in the end."""

from typing import Literal

from envc.model.digest import Digest
from envc.model.value import value

State = Literal["waiting", "ready", "switched", "current", "failed", "pending"]


@value(kw_only=True)
class NodeState:
    """How far a node is.

    `ready`: prepared and verified, not switched. `current`: it was on the wanted generation before.
    `pending`: busy or not asked yet. `reason` and `mend` say why a node failed or is pending.
    `generation` and `digest` are of what it holds for this roll-out; `built`: it was built by it.
    `seconds` is the time since the roll-out began.
    """

    node: str
    state: State
    generation: int | None = None
    digest: Digest | None = None
    built: bool = False
    reason: str = ""
    mend: str = ""
    seconds: float = 0.0


@value(kw_only=True)
class RolloutReport:
    """How a roll-out ended; `ok`: every node runs the wanted generation.

    `stopped` says why it did not go on, "" where it went to the end. `sets` folds the nodes of each
    state.
    """

    ok: bool
    engine: str
    target: str
    parcel: Digest
    closures: dict[str, Digest]
    state: str | None
    stopped: str
    sets: dict[State, str]
    nodes: dict[str, NodeState]
    seconds: float
