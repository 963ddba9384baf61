"""Which generations of a folder processes run from, and of which nobody here can tell that."""

import os
from collections.abc import Iterable
from importlib import resources
from typing import NamedTuple

from envc.disk.digests import known_bytes
from envc.disk.leases import held
from envc.errors import EnvcError
from envc.target.directory import Directory

# What takes a process's lease.
_HOOK = "_envc_start.py"


class Use(NamedTuple):
    """The generations that processes run from; of others (`hidden`), why there may be some."""

    in_use: frozenset[int]
    hidden: dict[int, str]


def use_of(directory: Directory, numbers: Iterable[int] | None = None) -> Use:
    """The use of these generations, None: of all.

    Raises:
        OSError: a lease cannot be opened.
    """
    leases = {
        f"{directory.generation(number)}/.lease": number
        for number in (directory.numbers() if numbers is None else numbers)
    }
    found = held(leases)
    others = [number for lease, number in leases.items() if lease not in found.paths]
    shared = _shared_by(directory) if others else None
    hidden = {number: shared for number in others if shared is not None}
    if shared is None and not found.sees_all:
        earlier = (number for number in others if not _has_own_hook(directory, number))
        hidden = dict.fromkeys(earlier, "processes of others are hidden")
    return Use(frozenset(leases[path] for path in found.paths), hidden)


def _shared_by(directory: Directory) -> str | None:
    """How other nodes, whose processes nobody here sees, may have the folder; None: they have not.

    What is behind FUSE, nobody can tell.
    """
    from envc.target.fitness import mount_here

    mount = mount_here(directory.path)
    is_shared = mount.is_shared or mount.kind.startswith("fuse")
    return f"other nodes may run it ({mount.kind})" if is_shared else None


def _has_own_hook(directory: Directory, number: int) -> bool:
    """Whether processes of a generation take their lease as this envc has them do it.

    Of such a lease the kernel tells, whoever holds it, in whichever container.
    """
    own = resources.files("envc.runtime").joinpath(_HOOK).read_bytes()
    try:
        record = directory.record(number)
    except EnvcError:
        return False
    hooks = (f"{directory.site_packages(record, layer)}/{_HOOK}" for layer in record.layers)
    return all(known_bytes(os.path.realpath(hook)) == own for hook in hooks)
