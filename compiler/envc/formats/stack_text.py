"""The data file of a tree's start-up hook, as far as envc itself reads it.

The format is described where processes read it: `envc/runtime/_envc_stack.py`.
"""

from typing import NamedTuple

from envc.model.digest import Digest, is_digest

STACK_FILE = "_envc_stack.txt"
# How a common layer names the target that it stands in itself.
HERE = "."
# The records that tell what is importable, in this format and the one before it.
_NAMES = {"name", "names"}


class BaseRecord(NamedTuple):
    """A base as the data names it: its tree is `<location>/by-lock/<closure>/<subdirectory>`."""

    layer: str
    closure: Digest
    location: str
    subdirectory: str


def base_references(text: str) -> tuple[BaseRecord, ...]:
    """The bases that the data tells of, the nearest first; none where it is not such data."""
    found: list[BaseRecord] = []
    for record in text.split("\n"):
        match record.split("\t"):
            case ["base", layer, _, closure, location, subdirectory] if is_digest(closure):
                found.append(BaseRecord(layer, Digest(closure), location, subdirectory))
    return tuple(found)


class DescribedRecord(NamedTuple):
    """A folder of a base that envc did not build, and what tells that it is as it was."""

    folder: str
    mtime_seconds: int
    names: str
    warns: bool


def described_records(text: str) -> tuple[DescribedRecord, ...]:
    """The described folders that the data tells of, the nearest first."""
    found: list[DescribedRecord] = []
    location = ""
    for record in text.split("\n"):
        match record.split("\t"):
            case ["base", _, _, _, place, _]:
                location = place
            case ["identity", seconds, names, kind] if seconds.isdigit():
                found.append(DescribedRecord(location, int(seconds), names, kind == "warn"))
    return tuple(found)


def common_closure(text: str) -> Digest | None:
    """The closure digest of the nearest common layer of the stack that the data is about.

    A common layer is one that stands in a subdirectory of its generation. None: not such data.
    """
    for record in text.split("\n"):
        match record.split("\t"):
            case ["layer", _, subdirectory, _, closure] if subdirectory and is_digest(closure):
                return Digest(closure)
            case ["base", _, _, closure, _, subdirectory] if subdirectory and is_digest(closure):
                return Digest(closure)
    return None


def is_importable(name: str, text: str) -> bool:
    """Whether the data says that the layer or one of its bases has this module or package.

    A layer without bases has no such records: what it has stands in its own folder.
    """
    records = (record.split("\t") for record in text.split("\n"))
    return any(kind in _NAMES and name in names for kind, *names in records)
