"""What is asked of nodes and what comes back; and the state that all of them are to be in."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from envc.errors import Fault
from envc.model.digest import SureDigest
from envc.model.names import INVENTORY_NAME_FORM
from envc.model.value import field, value

WANTED_FORMAT = 1
GROUPS_FORMAT = 2

NOT_ROOT = "it does not let who logs in become root"
NOT_ROOT_MEND = (
    "permit it there without a password (`USER ALL=(root) NOPASSWD: ALL` below /etc/sudoers.d), or "
    "run envc as root, without --become"
)

# So much of what a command writes on a node is read, from its end: the answer is its last line.
OUTPUT_BYTES = 4 << 20

# Of a layer, and of a spec or lock, each of which becomes a file on the node: no path.
LAYER_NAME = r"^[a-z0-9][a-z0-9_-]*$"
_FILE_NAME = re.compile(
    rf"envc\.toml|pyproject\.toml|pylock\.[a-z0-9][a-z0-9_-]*\.toml|{INVENTORY_NAME_FORM}"
)

Outcome = Literal["ended", "late", "unreachable", "busy", "drained", "not root"]


@value(kw_only=True)
class Limits:
    """How many nodes are worked on at once, and how long each may take."""

    fan_out: int = 64
    timeout_seconds: float = 1800.0


@value(kw_only=True)
class NodeAnswer:
    """How a command ended on one node.

    `status` is the command's exit status; None where there is none: the node did not answer, took
    too long, is busy, somebody took it out of service, or sudo refused there. `trouble` is what the
    command, or the engine, wrote to stderr.
    """

    node: str
    outcome: Outcome
    status: int | None = None
    output: str = ""
    trouble: str = ""


# What an engine is given: words to run, or a place for a file, by node; and who hears the answers.
Commands = Mapping[str, Sequence[str]]
Places = Mapping[str, str]
Heard = Callable[[NodeAnswer], None]


@value
class Silence:
    """A node from which envc said nothing; `told` is the last line that it wrote."""

    outcome: Outcome
    status: int | None = None
    told: str = ""


@value
class Lacks:
    """What a node says that has to be brought before it can take a step: `kit`, `parcel`…"""

    names: tuple[str, ...]


@value
class Refusal:
    """Why envc on a node did not take a step, and the exit status that goes with it."""

    fault: Fault
    status: int


@value
class Unsure:
    """What a node answers without envc where envc itself has to be asked."""


@value(kw_only=True)
class WantedGeneration:
    """A generation that nodes are to hold: its layers' closures, and what it is made from.

    `parcel` is the digest of the file with the site's spec and locks; `source` is where wheels are
    taken from before any index: a folder that every node sees, or a bundle, relative to the folder
    of the wanted state. `since` is when it became wanted, in UTC. `core` is the digest of the file
    that brings its interpreter, None: the nodes have it.
    """

    closures: Mapping[Annotated[str, LAYER_NAME], SureDigest]
    parcel: SureDigest
    source: str | None
    since: str
    core: SureDigest | None = None


@value(kw_only=True)
class WantedState:
    """The generations that every node must hold; the first one is to be current.

    `kit` is the digest of the file that brings envc itself. `serial` grows with every change.
    """

    site: str
    serial: int
    kit: SureDigest
    generations: tuple[WantedGeneration, ...]


def _node_set(text: str) -> str:
    from envc.model.node_sets import node_set  # few runs read a wanted state

    return node_set(text)


@value(kw_only=True)
class WantedGroup:
    """What some nodes must hold; the first generation is to be current.

    `nodes` is a set of them, `*`: all that no other group has. `since` is when this became wanted
    of them, in UTC. `target` is the target directory that it is for, `{node}` standing for the
    node's name; "": whoever wrote it did not tell.
    """

    nodes: Annotated[str, _node_set]
    since: str
    generations: tuple[WantedGeneration, ...]
    target: str = ""


@value(kw_only=True)
class WantedGroups:
    """What each node must hold, by groups; no two of them have the same node.

    `kit` and `serial` as in a `WantedState`.
    """

    site: str
    serial: int
    kit: SureDigest
    groups: tuple[WantedGroup, ...]

    @property
    def generations(self) -> tuple[WantedGeneration, ...]:
        """Those of all groups."""
        return tuple(each for group in self.groups for each in group.generations)

    def group_of(self, names: Sequence[str]) -> WantedGroup | None:
        """The group of a node that goes by these names, first one first; None: it is in none."""
        from envc.model.node_sets import ALL_OTHERS, has_node

        named = (group for name in names for group in self.groups if has_node(group.nodes, name))
        others = (group for group in self.groups if group.nodes == ALL_OTHERS)
        return next(named, next(others, None))

    def targets_of(self, group: WantedGroup) -> frozenset[str]:
        """Which targets a group can mean: its own; what 0.1 left is for one of those named here."""
        named = [group] if group.target else self.groups
        return frozenset(each.target for each in named if each.target)

    def state_of(self, group: WantedGroup) -> WantedState:
        """What nodes of a group must hold."""
        return WantedState(
            site=self.site, serial=self.serial, kit=self.kit, generations=group.generations
        )


def _spec_or_lock(name: str) -> str:
    if not _FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is neither a spec nor a lock")
    return name


@value(kw_only=True)
class Parcel:
    """A site's spec and locks, text by name; relative paths of its spec start at `origin`."""

    site: str
    origin: str
    files: dict[Annotated[str, _spec_or_lock], str]

    @property
    def spec_name(self) -> str:
        """Which of the files is the spec."""
        return "envc.toml" if "envc.toml" in self.files else "pyproject.toml"


@value
class Statement:
    """A wanted state as the bytes that were signed, and the signatures; b"": nobody signed it.

    `file` is where it stands, for errors.
    """

    text: bytes
    signatures: bytes = b""
    file: str = field(default_factory=str, shows=False)


@value
class Published:
    """A wanted state as it stands in a folder: by groups, if it is, and what envc read before.

    That knew no groups: `plain` says what was rolled out last, for all nodes.
    """

    plain: Statement
    groups: Statement | None = None

    @property
    def statement(self) -> Statement:
        """The one that counts."""
        return self.groups or self.plain
