"""What stands beside the generations of a folder: held against what belongs there, and restored."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from envc.errors import EnvcError, SpecError
from envc.formats.location import Location
from envc.formats.policy import policy_from_json
from envc.model.generation import Generation
from envc.model.manifest import Difference, DifferenceKind, path_of
from envc.model.names import COMMAND, INPUTS_FILE, POLICY_FILE, SHOWN_OF_OVERLAYS
from envc.target.directory import Directory
from envc.target.opened import read_location, write_location
from envc.target.settle import (
    link_changes_in,
    lost_closures,
    policy_of_generation,
    read_policy,
    restore_closures,
    storage_in,
)

if TYPE_CHECKING:
    from envc.host.context import Context

_LOCATION = "location.toml"


def differences_beside(directory: Directory, records: Iterable[Generation]) -> list[Difference]:
    """Every name that is lost, leads astray or belongs to nothing, in order.

    `records` are all generations; that of the current one tells which names there are to be. One
    that was never switched to has none yet.

    Raises:
        SpecError: `current` leads to no generation.
    """
    everything = list(records)
    current = _current_of(directory, everything)
    if current is None:
        return []
    changes = link_changes_in(directory, current)
    links = [name for name in changes.restore if not _leads_to_a_holder(directory, name)]
    links = _without_put_by_hand(directory, current, links)
    found = {name: _lost(directory, name, "link") for name in links}
    found |= {name: Difference(name, "extra") for name in changes.remove}
    begun = [each for each in everything if each.generation <= current.generation]
    found |= {name: _lost(directory, name, "link") for name in lost_closures(directory, begun)}
    if not _is_located(directory, current):
        found[_LOCATION] = _lost(directory, _LOCATION, "changed")
    if not directory.is_overlay:
        if not os.path.exists(f"{directory.path}/{COMMAND}"):
            found[COMMAND] = _lost(directory, COMMAND, "link")
        if not _has_policy(directory):
            found[POLICY_FILE] = _lost(directory, POLICY_FILE, "changed")
    return [found[name] for name in sorted(found)]


def _without_put_by_hand(directory: Directory, current: Generation, links: list[str]) -> list[str]:
    """The links without those of folders that somebody put into an overlay's tree."""
    shown = [name for name in links if name in SHOWN_OF_OVERLAYS]
    if not (directory.is_overlay and shown):
        return links
    with suppress(EnvcError):  # without a listing it cannot be told
        (layer,) = current.layers
        lines = directory.manifest(current.generation, layer).lines
        published = {path_of(line).decode(errors="surrogateescape") for line in lines}
        return [name for name in links if name not in shown or name in published]
    return links


def restore_beside(directory: Directory, records: Iterable[Generation], context: "Context") -> None:
    """Restore what `differences_beside` finds; the caller holds the directory's lock.

    What only a spec can tell (the checkout, a policy that was newer than the current generation's
    spec) the next `envc materialize` brings back.

    Raises:
        OSError, OutsideError: the disk refused.
        SpecError: `current` leads to no generation.
    """
    from envc.target.carried import renew_command  # whoever only looks needs neither
    from envc.target.publish import settle

    everything = list(records)
    current = _current_of(directory, everything)
    if current is None:
        return
    is_lacking = not directory.is_overlay and not _has_policy(directory)
    settle(directory, current, policy_of_generation(directory, current) if is_lacking else b"")
    restore_closures(directory, everything)
    if not _is_located(directory, current):
        write_location(directory.path, _location(directory, current))
    if not (directory.is_overlay or os.path.exists(f"{directory.path}/{COMMAND}")):
        renew_command(directory, current, context)


def _current_of(directory: Directory, records: Iterable[Generation]) -> Generation | None:
    number = directory.current_number()
    return next((each for each in records if each.generation == number), None)


def _lost(directory: Directory, name: str, otherwise: DifferenceKind) -> Difference:
    is_there = os.path.lexists(f"{directory.path}/{name}")
    return Difference(name, otherwise if is_there else "missing")


def _leads_to_a_holder(directory: Directory, name: str) -> bool:
    """Whether this names a closure in another generation that holds it: a switch was killed."""
    return name.startswith("by-lock/") and os.path.exists(f"{directory.path}/{name}/manifest.json")


def _is_located(directory: Directory, current: Generation) -> bool:
    """Whether there is a location that can be read; a copy may tell of where it was made.

    An overlay of no site has none: it stands on an environment that envc did not build.
    """
    if directory.is_overlay and not current.site:
        return True
    try:
        return read_location(directory.path) is not None
    except EnvcError:
        return False


def _location(directory: Directory, current: Generation) -> Location:
    if directory.is_overlay:
        from envc.target.base_state import compiled_for

        return Location(site=current.site, target=compiled_for(directory, current))
    storage = storage_in(read_policy(directory))
    return Location(site=current.site, target=directory.path, storage=storage)


def _has_policy(directory: Directory) -> bool:
    """Whether there is a policy that can be read; an earlier envc wrote none, and noted nothing."""
    text = read_policy(directory)
    if not text:
        return not os.path.lexists(f"{directory.path}/{INPUTS_FILE}")
    try:
        policy_from_json(text, POLICY_FILE)
    except SpecError:
        return False
    return True
