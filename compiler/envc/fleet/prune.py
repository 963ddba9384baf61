"""What a folder of the wanted state, and a target, hold for generations that are wanted no more.

Only files that envc names by a digest are looked at; what the wanted state names stays, for all the
generations that it keeps. Of a target's own envc those homes stay that some process runs from.
"""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress

from envc.disk.locks import is_held
from envc.errors import UsageError
from envc.fleet.trust import read_statement, signatures_path
from envc.fleet.wanted import OWN_STATE, core_path, kit_path, parcel_path, wanted_path
from envc.formats.wanted import wanted_from_json
from envc.model.digest import Digest, hex_of
from envc.model.nodes import Statement, WantedState
from envc.target.directory import Directory
from envc.target.opened import read_location
from envc.target.remove import empty_trash, move_to_trash

_FOLDERS = ("bundles", "cores", "kits", "parcels", "signatures")
_NAMED_BY_DIGEST = re.compile(r"[0-9a-f]{64}(\.[a-z.]+)?")


def state_here(directory: Directory) -> tuple[str, Statement, WantedState] | None:
    """The folder of the wanted state that a target converges to, and what it says; None: nothing.

    Raises:
        OutsideError: it cannot be read: what it keeps is not known.
        SpecError: what stands there is no wanted state.
    """
    location = read_location(directory.path)
    if location is None or location.wanted is None:
        return None
    try:
        statement = read_statement(location.wanted)
    except UsageError:  # the folder was given up
        return None
    wanted = wanted_from_json(statement.text, wanted_path(location.wanted))
    return location.wanted, statement, wanted


def unnamed_files(state: str, statement: Statement) -> list[str]:
    """The files in the folder of a wanted state that it does not name, in order."""
    wanted = wanted_from_json(statement.text, wanted_path(state))
    named = {kit_path(state, wanted.kit), signatures_path(state, statement.text)}
    for generation in wanted.generations:
        named.add(parcel_path(state, generation.parcel))
        if generation.core is not None:
            named.add(core_path(state, generation.core))
        if generation.source is not None:
            named.add(os.path.normpath(os.path.join(state, generation.source)))
    return [
        path for name in _FOLDERS for path in _by_digest(f"{state}/{name}") if path not in named
    ]


def prune_state(state: str, statement: Statement) -> None:
    """Remove what a wanted state has ceased to name from its folder, as far as the disk allows.

    What it refuses, the next roll-out that changes the state tries again.
    """
    with suppress(OSError):
        for path in unnamed_files(state, statement):
            with suppress(FileNotFoundError):
                os.unlink(path)


def unneeded_in_target(directory: Directory, also: Collection[Digest] = ()) -> list[str]:
    """What a target keeps of envc, and of sites, for no wanted generation, in order.

    Parcels that are `also` needed stay. Where no wanted state is known, everything is.

    Raises:
        OutsideError, SpecError: as for `state_here`.
        OSError: the disk refused.
    """
    here = state_here(directory)
    if here is None:
        return []
    state, statement, wanted = here
    parcels = {*also, *(generation.parcel for generation in wanted.generations)}
    sites = {hex_of(parcel) for parcel in parcels}
    own = f"{directory.path}/{OWN_STATE}"
    return [
        *_unused_homes(directory, hex_of(wanted.kit)),
        *(unnamed_files(state, statement) if state == own else ()),
        *(path for path in _by_digest(f"{own}/sites") if os.path.basename(path) not in sites),
    ]


def prune_target(directory: Directory, also: Collection[Digest] = ()) -> list[str]:
    """Remove what `unneeded_in_target` lists; what it was.

    Raises:
        OutsideError, SpecError, OSError: as for `unneeded_in_target`.
    """
    paths = unneeded_in_target(directory, also)
    for path in paths:
        move_to_trash(directory, path)
    empty_trash(directory)
    return paths


def _unused_homes(directory: Directory, wanted: str) -> Iterator[str]:
    """The unpacked kits that `bin/envc` does not lead to, nobody wants, and nobody runs from."""
    try:
        linked = os.readlink(f"{directory.path}/bin/envc").split("/")
    except OSError:
        return  # whoever made it has no kit
    for path in _by_digest(f"{directory.path}/envc"):
        name = os.path.basename(path)
        if name not in {wanted, *linked} and not is_held(f"{path}/run.py"):
            yield path


def _by_digest(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [f"{folder}/{name}" for name in names if _NAMED_BY_DIGEST.fullmatch(name)]
