"""What a roll-out is to do, what is known of its nodes, and the commands that follow from it."""

from collections.abc import Mapping
from typing import Literal

from envc.model.digest import Digest
from envc.model.names import OWN_STATE
from envc.model.nodes import Limits
from envc.model.value import field, value
from envc.reports.rollout import NodeState, State
from envc.rollout.ledger import Ledger

DONE: tuple[State, ...] = ("switched", "current")

Asked = Literal["look", "prepare", "bring", "switch"]


@value
class Quorum:
    """How many nodes have to be ready before any is switched: so many, or so many per cent."""

    amount: int
    is_share: bool

    def of(self, nodes: int) -> int:
        """As a number of nodes; a share is rounded up."""
        return -(-nodes * self.amount // 100) if self.is_share else self.amount


@value(kw_only=True)
class RolloutOptions:
    """Where to roll out what, and how carefully.

    `max_failures` None: none, where no `quorum` decides.

    `{node}` in `target` is the node's name. `state` is a folder that every node sees, None: the
    engine carries what nodes need. `batch` 0: all at once. `sign` are files of private keys; with
    `replace_keys` nodes trust those of the site from now on, whatever they have trusted.
    """

    nodes: str
    target: str
    source: str | None = None
    state: str | None = None
    python: str | None = None
    canary: int = 1
    batch: int = 0
    max_failures: int | None = None
    quorum: Quorum | None = None
    retries: int = 1
    sign: tuple[str, ...] = ()
    replace_keys: bool = False
    limits: Limits = field(default_factory=Limits)

    def target_of(self, node: str) -> str:
        """The target directory on a node."""
        return self.target.replace("{node}", node)

    def state_of(self, node: str) -> str:
        """Where a node has its wanted state."""
        return self.state or f"{self.target_of(node)}/{OWN_STATE}"


@value
class Order:
    """The nodes, in order, and the closures that each of them is to have."""

    nodes: tuple[str, ...]
    closures: Mapping[str, Digest]
    options: RolloutOptions

    @property
    def canaries(self) -> tuple[str, ...]:
        """The nodes that go first."""
        return self.nodes[: self.options.canary]

    @property
    def has_others(self) -> bool:
        """Whether any node waits for the canaries."""
        return len(self.nodes) > self.options.canary

    @property
    def others(self) -> tuple[str, ...]:
        """The nodes that nobody touches unless the canaries are well."""
        return self.nodes[self.options.canary :]


@value
class Ask:
    """Have nodes prepare, and others say whether they have nothing to prepare, all at once."""

    prepare: tuple[str, ...]
    look: tuple[str, ...] = ()


@value
class Bring:
    """Carry to each of these nodes what it lacks."""

    lacks: Mapping[str, tuple[str, ...]]


@value
class Share:
    """Write anew what nodes see in the shared folder `state`: somebody sees something else."""

    state: str


@value
class Publish:
    """Write the wanted state into the folder `state`: nodes that are down now converge to it."""

    state: str


@value
class Switch:
    """Have each of these nodes switch to the generation with that digest; some hear their name."""

    digests: Mapping[str, Digest]
    nameless: frozenset[str] = frozenset()


@value
class Stop:
    """Nothing more is to be done; `because` of what, "" where all was done, and of which nodes."""

    because: str = ""
    nodes: tuple[str, ...] = ()


Command = Ask | Bring | Share | Publish | Switch | Stop


@value(kw_only=True)
class Node:
    """One node: how far it is, and what else decides what comes next for it.

    `asked` is what it has yet to answer. `lacks` is what is to be brought; `sent` and `failures`
    count how often something was, and how often it failed. `may_succeed`: it failed with what may
    pass. `is_unnoted`: it holds the generation, and has yet to note where its wanted state is.
    `is_late`: it took too long, and is asked again when nobody has to wait for it.
    `is_nameless`: it has yet to be told what it is called here. `machine` is the kind that it is.
    """

    told: NodeState
    asked: Asked | None = None
    lacks: tuple[str, ...] = ()
    sent: int = 0
    failures: int = 0
    may_succeed: bool = False
    is_unnoted: bool = False
    is_late: bool = False
    is_nameless: bool = False
    machine: str = ""


@value(kw_only=True)
class Known:
    """All that is known; only `begin`, `hear` and `decide` make the next one of it.

    Times are seconds since 1970.
    """

    order: Order
    began_seconds: float
    now_seconds: float
    nodes: Ledger[Node]
    have_looked: bool = False
    is_shared_anew: bool = False
    is_published: bool = False

    def awaited(self) -> dict[str, Asked]:
        """The nodes that have not answered yet, and what they were asked."""
        return {name: node.asked for name, node in self.nodes.items() if node.asked is not None}
