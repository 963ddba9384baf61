"""`envc run`: a command in a stack, with the environment that the stack sets.

`ENVC_LOCK` goes with the command to whatever it starts, on other nodes too, and pins the common
layers there. A common layer is run from the generation that a given `ENVC_LOCK` names; an overlay
runs on the base that it was compiled for, and pins the others to that. `ENVC_GENERATIONS` keeps
what is started on the overlay's generation.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from envc.errors import AnswerIsNo, UsageError, shell_word
from envc.formats.stack_text import common_closure, described_records
from envc.host.context import Context
from envc.host.surroundings import (
    missing_modules,
    said_of_modules,
    shadowing,
)
from envc.model.digest import digest_from_hex, digest_of, is_digest
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC, PACKED
from envc.overlays.options import OverlayOptions
from envc.overlays.places import default_folder, is_on_described, refuse_strangers_overlay
from envc.overlays.staged import stage_root, staged
from envc.sites.overlay_folder import holds_overlay
from envc.sites.place import read_spec
from envc.target.base_state import (
    BaseState,
    base_states,
    common_layer,
    refuse_absent,
    refuse_without_core,
    said_of_moved_bases,
    stack_text,
)
from envc.target.by_hand import GLANCE_SECONDS, by_hand, edited_sources
from envc.target.directory import Directory, Shape
from envc.target.inputs import noted_inputs
from envc.target.opened import (
    Target,
    built_overlay,
    find_target,
    open_target,
    read_location,
    recorded_target,
)

LOCK = "ENVC_LOCK"
GENERATIONS = "ENVC_GENERATIONS"
Clock = Callable[[], float]


class RunOptions(NamedTuple):
    """Which stack: a common layer, an overlay's folder, or (neither) the user's own overlay.

    `word` is what the user called the overlay; None: nobody named it.
    """

    layer: str | None = None
    overlay: str | None = None
    target: str | None = None
    word: str | None = None


def prepare(
    options: RunOptions,
    surroundings: Mapping[str, str],
    context: Context,
    *,
    clock: Clock = time.monotonic,
) -> dict[str, str]:
    """The variables to set for a command; the user's overlay is created at first use.

    The look for what was edited by hand ends in time by `clock`.

    Raises:
        UsageError: nothing is materialized there.
        AnswerIsNo: `ENVC_LOCK` pins the job to a generation that is not here.
    """
    pin: str | None = None
    if options.layer is not None:
        target = open_target(find_target(options.target, None))
        pin = _pin(target, surroundings)
        generation = target.current if pin is None else _pinned(target, pin)
        tree, layer = _tree(target.directory, generation, options.layer), options.layer
        states = base_states(tree, target.current.python)
        refuse_without_core(tree, f"envc materialize --target {shell_word(target.directory.path)}")
    else:
        folder = os.path.abspath(options.overlay or default_folder(options.target))
        refuse_strangers_overlay(folder, options.word)
        if options.overlay is None and not holds_overlay(folder):
            from envc.overlays.edit import create_own  # once in an overlay's life

            create_own(OverlayOptions(folder=folder, target=options.target), context)
        if is_on_described(folder):
            from envc.overlays.on_base import run_on_described  # most stand on a target

            directory = Directory(folder, Shape.OVERLAY)
            current = _looked_at(directory, folder, context, clock)
            variables = run_on_described(directory, current, surroundings, context)
            return variables | _stays(variables["VIRTUAL_ENV"], surroundings)
        target, tree = _overlay(folder, options, context, clock)
        states = base_states(tree, target.current.python)
        layer = common_layer(states)
        refuse_without_core(tree, f"envc overlay sync --dir {shell_word(folder)}")
        _look_below(folder, states, context)
    trees = (tree, *(state.tree for state in states))
    foreign, python = surroundings, target.current.python
    text = stack_text(tree, python)
    if folders := described_records(text):
        from envc.overlays.on_base import look_at_environment  # few targets stand on such a thing

        foreign = look_at_environment(target, trees, folders, surroundings, context)
    for found in shadowing(foreign, trees, python):
        context.reporter.warn(found.message)
    missing = missing_modules(surroundings, target.settings(layer).modules)
    if missing:
        context.reporter.warn(said_of_modules(missing))
    variables = _variables(target, tree, layer, surroundings)
    lock = pin or common_closure(text)
    return variables if lock is None else variables | {LOCK: lock}


def _look_below(folder: str, states: tuple[BaseState, ...], context: Context) -> None:
    """Refuse an overlay whose base is gone, and say when it has moved on."""
    name = os.path.basename(folder)
    refuse_absent(name, folder, states)
    moved = said_of_moved_bases(name, folder, states)
    if moved is not None:
        context.reporter.warn(moved)


def _overlay(
    folder: str, options: RunOptions, context: Context, clock: Clock
) -> tuple[Target, str]:
    """The target, and the tree to run in: a staged copy if this node has one.

    A packed overlay of which nothing else is there is staged now.
    """
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.current()
    if current is None and not os.path.exists(f"{folder}/{PACKED}"):
        raise UsageError(
            "no overlay is built here",
            where=folder,
            mend=f"run `envc overlay sync --dir {shell_word(folder)}`",
        )
    is_told = read_location(folder) is not None
    recorded = recorded_target(folder, options.target) if is_told else None
    target = open_target(recorded or find_target(options.target, folder))
    if current is not None:
        (name,) = current.layers
        place = staged(name, current.digest, stage_root(None))
    else:
        from envc.overlays.stage import stage  # few overlays have nothing but a packed file

        place = stage(folder, None, context).path
    if place is not None:
        directory = Directory(place, Shape.OVERLAY)
    found = _looked_at(directory, folder, context, clock)
    (layer,) = found.layers
    return target, directory.tree(found.generation, layer)


def _looked_at(directory: Directory, folder: str, context: Context, clock: Clock) -> Generation:
    """The current generation of an overlay; what was done to it by hand is told."""
    found = built_overlay(directory)
    edited = edited_sources(directory, found, clock=clock)
    told = [*by_hand(directory, found).said(directory.path), *_said_of_editables(folder)]
    for each in [*told, *([edited.said(directory.path)] if edited.paths else [])]:
        context.reporter.warn(each)
    (layer,) = found.layers
    if not edited.is_complete:
        context.reporter.note(
            f"not all sources of {layer} were looked at for edits by hand: that would take "
            f"more than {GLANCE_SECONDS * 1000:.0f} ms; "
            f"`envc doctor --overlay {shell_word(folder)}` does it"
        )
    return found


def _said_of_editables(folder: str) -> list[str]:
    """What to tell of the overlay's editable projects: those that declare something else now."""
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.current()
    text = read_spec(f"{folder}/{OVERLAY_SPEC}")
    if current is not None and noted_inputs(directory, current).text == digest_of(text):
        return []  # only overlays without such projects are noted
    from envc.sites.site import load_overlay, overlay_lock
    from envc.supply.declared import outdated_editables

    spec = load_overlay(f"{folder}/{OVERLAY_SPEC}")
    lock = overlay_lock(spec) if spec.editable else None
    found = outdated_editables(lock.lock, folder) if lock is not None else ()
    mend = f"`envc overlay sync --dir {shell_word(folder)}` locks and builds it anew"
    return [f"{each.said(spec.name)}; {mend}" for each in found]


def _pin(target: Target, surroundings: Mapping[str, str]) -> str | None:
    """The `ENVC_LOCK` that this job has already, unless it is about another target."""
    elsewhere = surroundings.get("ENVC_TARGET")
    if elsewhere and os.path.realpath(elsewhere) != os.path.realpath(target.directory.path):
        return None
    return surroundings.get(LOCK) or None


def _pinned(target: Target, pin: str) -> Generation:
    """The generation that a job is pinned to."""
    closure = digest_from_hex(pin.removeprefix("sha256:"))
    if not is_digest(closure):
        raise UsageError(
            f"{LOCK} is {pin!r}, which is no closure digest",
            where="the environment",
            mend=f"unset {LOCK}, or let `envc run` set it",
        )
    number = target.directory.holder(closure)
    if number is None:
        raise AnswerIsNo(
            f"this node does not hold the generation that {LOCK} pins this job to: {closure}",
            where=target.directory.path,
            mend="materialize those locks again, or unset ENVC_LOCK to run on what is here",
        )
    return target.directory.record(number)


def _tree(directory: Directory, current: Generation, layer: str) -> str:
    if layer not in current.layers:
        from envc.formats.nearest import use_one_of  # few layers are mistyped

        raise UsageError(
            f"layer {layer!r} is not materialized here",
            where=directory.path,
            mend=use_one_of(layer, current.layers),
        )
    return directory.tree(current.generation, layer)


def _variables(
    target: Target, tree: str, layer: str, surroundings: Mapping[str, str]
) -> dict[str, str]:
    return {
        **target.settings(layer).env,
        "PATH": f"{tree}/bin:{surroundings.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": tree,
        "ENVC_TARGET": target.directory.path,
        **_stays(tree, surroundings),
    }


def _stays(tree: str, surroundings: Mapping[str, str]) -> dict[str, str]:
    """What keeps the programs that are started from a tree in it."""
    inherited = surroundings.get(GENERATIONS, "").split(os.pathsep)
    return {GENERATIONS: os.pathsep.join(filter(None, (*inherited, os.path.realpath(tree))))}
