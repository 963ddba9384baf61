"""What a target keeps of envc, and of sites, for generations that are wanted no more."""

import os
from collections.abc import Collection, Iterator

from envc.disk.leases import is_held
from envc.fleet.names import names_of_node
from envc.fleet.state import named_by_digest, noted_state, own_state, said_in
from envc.model.bundle import PackedCore
from envc.model.digest import Digest, hex_of
from envc.model.generation import Generation
from envc.model.names import STATE_PLACES, What
from envc.target.directory import Directory
from envc.target.remove import empty_trash, move_to_trash


def wanted_numbers(directory: Directory) -> frozenset[int]:
    """The generations that the wanted state names: what gc removed would have to be built again.

    Raises:
        OutsideError, SpecError: the wanted state cannot be read.
    """
    return frozenset(number for number, _ in _held(directory))


def core_brought_for(directory: Directory, record: Generation) -> PackedCore | None:
    """The file that brought a generation's core, where the wanted state still names it.

    Raises:
        OutsideError, SpecError: the wanted state cannot be read.
    """
    return next((core for number, core in _held(directory) if number == record.generation), None)


def _held(directory: Directory) -> Iterator[tuple[int, PackedCore | None]]:
    """The generations here that are wanted, and what brought the core of each."""
    state = noted_state(directory)
    statement = state.statement() if state is not None else None
    if state is None or statement is None:
        return
    group = said_in(statement).group_of(names_of_node(directory))
    for generation in group.generations if group is not None else ():
        number = directory.number_of(generation.closures)
        if number is not None:
            yield number, state.packed_core(generation)


def unneeded_in_target(directory: Directory, also: Collection[Digest] = ()) -> list[str]:
    """What no wanted generation needs, in order; sites of parcels that are `also` needed stay.

    Where no wanted state is known, everything is needed.

    Raises:
        OutsideError, SpecError: the wanted state cannot be read.
        OSError: the disk refused.
    """
    state, own = noted_state(directory), own_state(directory)
    published = state.published() if state is not None else None
    if state is None or published is None:
        return []
    kit = hex_of(said_in(published.statement).kit)
    kinds: tuple[What, ...] = tuple(STATE_PLACES) if state == own else ("site",)
    return [*_unused_homes(directory, kit), *own.unnamed(published, also, kinds)]


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
    for path in named_by_digest(f"{directory.path}/envc"):
        name = os.path.basename(path)
        if name not in {wanted, *linked} and not is_held(f"{path}/run.py"):
            yield path
