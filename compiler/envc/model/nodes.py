"""What is asked of nodes and what comes back; and the state that all of them are to be in."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from envc.errors import Fault
from envc.model.digest import SureDigest
from envc.model.value import value

WANTED_FORMAT = 1

# So much of what a command writes on a node is read, from its end: the answer is its last line.
OUTPUT_BYTES = 4 << 20

# Of a layer, and of a spec or lock, each of which becomes a file on the node: no path.
LAYER_NAME = r"^[a-z0-9][a-z0-9_-]*$"
_FILE_NAME = re.compile(r"envc\.toml|pyproject\.toml|pylock\.[a-z0-9][a-z0-9_-]*\.toml")

Outcome = Literal["ended", "late", "unreachable", "busy", "drained"]


@value(kw_only=True)
class Limits:
    """How many nodes are worked on at once, and how long each may take."""

    fan_out: int = 64
    timeout_seconds: float = 1800.0


@value(kw_only=True)
class NodeAnswer:
    """How a command ended on one node.

    `status` is the command's exit status; None where there is none: the node did not answer, took
    too long, is busy, or somebody took it out of service. `trouble` is what the command, or the
    engine, wrote to stderr.
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
    """A wanted state as the bytes that were signed, and the signatures; b"": nobody signed it."""

    text: bytes
    signatures: bytes = b""
