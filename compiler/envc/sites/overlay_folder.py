"""An overlay's folder as it is found, its spec lost or not.

DIR/overlay.toml                             the spec
DIR/generations/<number>/site/overlay.toml   what a generation was built from, its lock beside it
"""

import os
from collections.abc import Iterator

from envc.errors import Fault, shell_word
from envc.model.generation import number_named
from envc.model.names import OVERLAY_SPEC, PACKED
from envc.sites.place import shown

# No longer file is read to see that it is empty.
_BLANK_BYTES = 64


def holds_overlay(folder: str) -> bool:
    """Whether an overlay stands in a folder: its spec, or what was built or packed of one."""
    names = (OVERLAY_SPEC, PACKED, "current/pyvenv.cfg")
    return any(os.path.lexists(f"{folder}/{name}") for name in names) or any(
        os.path.lexists(f"{folder}/generations/{number}/{name}")
        for number in _numbers(folder)
        for name in (f"site/{OVERLAY_SPEC}", "pyvenv.cfg", "bin/python")
    )


def lost_spec(folder: str) -> Fault | None:
    """What is to be said of a spec that is missing or empty though an overlay was built here.

    The mend names a copy, and how to bring it back. None where the spec stands there, and where
    nothing was built.
    """
    path = f"{folder}/{OVERLAY_SPEC}"
    trouble = _trouble(path)
    if trouble is None:
        return None

    copy = next(_copies(folder), None)
    if copy is not None:
        number = int(copy.split("/")[1])
        mend = (
            f"generation {number} was built from a copy of it: bring that back with "
            f"`install -m 644 {shell_word(f'{folder}/{copy}')} {shell_word(path)}`"
        )
    elif os.path.exists(f"{folder}/{PACKED}"):
        mend = f"`envc stage {shell_word(folder)}` unpacks it, and prints a folder that has a copy"
    elif os.path.islink(path):
        mend = "bring back what it leads to, or remove it"
    elif holds_overlay(folder) and not os.path.exists(path):
        mend = "no generation has a copy: write it anew, or choose another folder"
    else:
        return None
    return Fault(f"the overlay's spec {trouble}", shown(path), mend)


def _trouble(path: str) -> str | None:
    if not os.path.exists(path):
        gone = os.path.islink(path)
        return f"leads to {os.readlink(path)}, which is not there" if gone else "is missing"
    if not os.path.isfile(path) or os.path.getsize(path) > _BLANK_BYTES:
        return None
    try:
        with open(path, "rb") as file:
            return None if file.read().strip() else "is empty"
    except OSError:
        return None  # whoever reads it says why


def _copies(folder: str) -> Iterator[str]:
    """The copies of the spec in the generations, relative: the current one's, then newer first."""
    current = os.path.basename(os.path.realpath(f"{folder}/current"))
    for number in sorted(_numbers(folder), key=lambda number: number != current):
        copy = f"generations/{number}/site/{OVERLAY_SPEC}"
        if os.path.isfile(f"{folder}/{copy}"):
            yield copy


def _numbers(folder: str) -> list[str]:
    """The names of the generations, newer ones first."""
    try:
        names = os.listdir(f"{folder}/generations")
    except OSError:
        return []
    return sorted((name for name in names if number_named(name) is not None), reverse=True)
