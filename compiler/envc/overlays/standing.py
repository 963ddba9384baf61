"""The overlays in a storage, and those that stand on a target: whom it concerns that it goes."""

import os
from collections.abc import Iterator
from contextlib import suppress

from envc.errors import EnvcError
from envc.overlays.places import storage_of
from envc.sites.overlay_folder import holds_overlay
from envc.target.base_state import base_states
from envc.target.directory import Directory, Shape


def folders_in(path: str) -> Iterator[str]:
    """The folders in a folder, in order of name; none where it cannot be read."""
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    yield from (f"{path}/{name}" for name in names if os.path.isdir(f"{path}/{name}"))


def overlays_of(owner: str) -> Iterator[str]:
    """The folders of a user's overlays, `owner` being his folder in a storage, in order of name."""
    return (folder for folder in folders_in(owner) if holds_overlay(folder))


def standing_on(target: str) -> dict[str, int]:
    """Folder of each overlay in the target's storage that stands on it → the generation it needs.

    Those that cannot be read, and all where no storage can be told, are left out.
    """
    found: dict[str, int] = {}
    with suppress(EnvcError):
        for owner in folders_in(storage_of(target)):
            for folder in overlays_of(owner):
                number = _generation_below(folder, os.path.realpath(target))
                if number is not None:
                    found[folder] = number
    return found


def _generation_below(folder: str, target: str) -> int | None:
    """The generation of a target that an overlay's tree was compiled for; None: there is none."""
    with suppress(EnvcError, OSError, ValueError):
        directory = Directory(folder, Shape.OVERLAY)
        current = directory.current()
        if current is not None:
            tree = directory.tree(current.generation, next(iter(current.layers)))
            for state in base_states(tree, current.python):
                if state.held is not None and os.path.realpath(state.location) == target:
                    return state.held.generation
    return None
