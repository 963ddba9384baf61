"""`envc overlay list`: the overlays in the site's storage, and how each stands."""

import os

from envc.errors import EnvcError, shell_word
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC, PACKED
from envc.model.spec import OverlaySpec
from envc.overlays.places import own_storage, storage_of
from envc.overlays.standing import folders_in, overlays_of
from envc.reports.overlay_list import OverlayEntry, OverlayList, State
from envc.sites.overlay_files import owner_of
from envc.sites.site import overlay_from, overlay_lock, overlay_text
from envc.supply.declared import Outdated, outdated_editables
from envc.target.base_state import base_states, gone_interpreter
from envc.target.by_hand import by_hand
from envc.target.directory import Directory, Shape
from envc.target.opened import read_location


def list_overlays(target: str | None, *, everybody: bool) -> OverlayList:
    """The user's overlays, or everybody's.

    Raises:
        UsageError: the site names no storage, or no target is known.
    """
    storage = storage_of(target)
    owners = folders_in(storage) if everybody else [own_storage(target)]
    return OverlayList(
        storage=storage,
        overlays=tuple(_entry(folder) for owner in owners for folder in overlays_of(owner)),
    )


def _entry(folder: str) -> OverlayEntry:
    try:
        text = overlay_text(f"{folder}/{OVERLAY_SPEC}")
        spec = overlay_from(text, f"{folder}/{OVERLAY_SPEC}")
        directory = Directory(folder, Shape.OVERLAY)
        current = directory.current()
        state, why = _state(directory, spec, current, text)
        location = read_location(folder)
    except EnvcError as error:
        return _unreadable(folder, error)
    layer = current.layers.get(spec.name) if current is not None else None
    return OverlayEntry(
        name=spec.name,
        owner=owner_of(folder),
        folder=folder,
        base=spec.base,
        target=location.target if location is not None else None,
        generation=current.generation if current is not None else None,
        distributions=layer.distributions if layer is not None else 0,
        files=layer.files if layer is not None else 0,
        state=state,
        why=why,
    )


def _unreadable(folder: str, error: EnvcError) -> OverlayEntry:
    what, where, mend = error.faults[0]
    return OverlayEntry(
        name=os.path.basename(folder),
        owner=owner_of(folder),
        folder=folder,
        base="",
        target=None,
        generation=None,
        distributions=0,
        files=0,
        state="unreadable",
        why="; ".join(filter(None, (f"{where}: {what}" if where else what, mend))),
    )


def _state(
    directory: Directory, spec: OverlaySpec, current: Generation | None, text: bytes
) -> tuple[State, str]:
    """The worst that is to be said of an overlay, and why."""
    sync = f"run `envc overlay sync --dir {shell_word(directory.path)}`"
    if current is None and os.path.exists(f"{directory.path}/{PACKED}"):
        return "packed", f"`envc run` stages {shell_word(directory.path)}/{PACKED}"
    if current is None or spec.name not in current.layers:
        return "not built", sync
    states = base_states(directory.tree(current.generation, spec.name), current.python)
    gone = next((state for state in states if state.held is None), None)
    moved = next((state for state in states if state.moved_on), None)
    told = by_hand(directory, current).said(directory.path)
    core = gone_interpreter(directory.tree(current.generation, spec.name))
    found: tuple[State, str] = "current", ""
    if core is not None:
        found = "base gone", f"its interpreter {core} is not there any more; {sync}"
    elif gone is not None:
        what = f"{gone.location} does not hold {gone.closure}"
        found = "base gone", f"{what}; {gone.mend(directory.path)}"
    elif told:
        found = "changed by hand", "; ".join(told)
    elif not _say_the_same(directory.recorded(current.generation, OVERLAY_SPEC), text):
        found = "spec changed", sync
    elif outdated := _outdated(directory, spec):
        found = "spec changed", f"{outdated[0].said(spec.name)}; {sync}"
    elif moved is not None:
        found = "base moved on", moved.said(directory.path)
    return found


def _say_the_same(built: bytes | None, text: bytes) -> bool:
    """Whether two texts of a spec ask for the same: comments and empty lists aside."""
    if built is None or built == text:
        return built == text
    import tomllib  # few specs are edited after they were built

    try:
        asked = [tomllib.loads(each.decode()) for each in (built, text)]
        lines = [{key: said for key, said in each["overlay"].items() if said} for each in asked]
    except (ValueError, KeyError, AttributeError, RecursionError):  # the copy was damaged
        return False
    return asked[0] | {"overlay": lines[0]} == asked[1] | {"overlay": lines[1]}


def _outdated(directory: Directory, spec: OverlaySpec) -> tuple[Outdated, ...]:
    """The editable projects that declare something else than was locked."""
    lock = overlay_lock(spec) if spec.editable else None
    return outdated_editables(lock.lock, directory.path) if lock is not None else ()
