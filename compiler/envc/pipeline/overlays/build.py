"""An overlay from its spec to its tree: locked, weighed, fetched, planned, published."""

import os
from dataclasses import dataclass

from envc.disk.durable import disk_error, write_file
from envc.disk.locks import shared
from envc.formats.location import Location, location_to_text
from envc.formats.pylock import lock_file_name
from envc.lock import on_overlay, select_wheels, with_absolute_paths
from envc.materialize.directory import Directory, Shape
from envc.materialize.publish import make_directory, publish
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.model.publication import Publication
from envc.model.spec import OverlaySpec
from envc.model.stack import Stack
from envc.model.wheel import WheelFacts
from envc.pipeline.locking.lock import lock_overlay, write_lock
from envc.pipeline.locking.report import LockOptions
from envc.pipeline.locking.task import Outcome
from envc.pipeline.overlays.base_state import base_changes, base_states
from envc.pipeline.overlays.budget import need_of, refuse_what_cannot_fit
from envc.pipeline.overlays.pack import PACKED
from envc.pipeline.sites.changes import LayerChange
from envc.pipeline.sites.context import Context
from envc.pipeline.sites.machine import machine_of
from envc.pipeline.sites.node import target_for
from envc.pipeline.sites.site import overlay_from, read_spec
from envc.pipeline.supply.building import carry
from envc.pipeline.supply.indexes import indexes_of, open_supply
from envc.pipeline.targets.base import OVERLAY_SPEC, Below, Target, below, read_location
from envc.pipeline.targets.planned import save_plan
from envc.pipeline.targets.planning import environment_of
from envc.pipeline.targets.stock import Chosen, Stock, stack_layer, stacked


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayReport:
    """An overlay as it is now built. `inherits` counts the base's projects that it sees.

    `editable` has the folders of the user's own projects. `base_changes` tells what the base has
    otherwise than when the overlay was built the last time; None where it is the same, or where
    nobody knows any more.
    """

    name: str
    folder: str
    target: str
    base: str
    base_closure: Digest
    generation: int
    digest: Digest
    changed: bool
    inherits: int
    adds: tuple[str, ...]
    shadows: tuple[str, ...]
    lifts: tuple[str, ...]
    hides: tuple[str, ...]
    editable: dict[str, str]
    base_changes: LayerChange | None
    files: int


def build(
    folder: str,
    target: Target,
    text: bytes,
    options: LockOptions,
    context: Context,
    *,
    spec: OverlaySpec | None = None,
) -> OverlayReport:
    """The overlay in `folder` as the spec `text` says, on what the target has now.

    `spec` is what the text says, where its lines stand in another file: a script's.

    Spec and lock are written when only the disk can still fail.

    Raises:
        UsageError: the folder is somebody else's, or others could write there.
        UnsatisfiableError: there is no solution.
        OutsideError: an index or the disk failed, or it does not fit; all is as it was.
        UntrustedError: a wheel is not what the lock says.
    """
    directory = Directory(folder, Shape.OVERLAY)
    directory.refuse_foreign()
    directory.refuse_exposed()
    spec = spec or overlay_from(text, f"{folder}/{OVERLAY_SPEC}")
    under = below(target, spec)
    before = directory.current()
    with open_supply(target.site, context) as supply:
        outcome = lock_overlay(target.site, spec, under.base, options, supply)
    machine = machine_of(target.current.interpreter)
    node = target_for(outcome.file.lock, machine)
    chosen = select_wheels(with_absolute_paths(outcome.file.lock, folder), node)
    indexes = indexes_of(target.site)
    make_directory(directory)
    carry(outcome.carried)
    with shared(directory.store_lock):
        stock = Stock(directory, target.current.python, machine.interpreter, None, indexes, context)
        stock.fill(
            (wheel for _, wheel in chosen),
            weigh=lambda paths: refuse_what_cannot_fit(need_of(paths), folder, context.reporter),
        )
        stack = _stack(spec, directory, target, under, outcome, stock.facts(chosen))
        publication = _publication(stock, stack, chosen, outcome, target, text)
        _write_inputs(directory, text, outcome, target)
        save_plan(directory, publication.digest(), publication)
        generation, changed = publish(
            directory, publication, stock.store, link_mode="auto", reporter=context.reporter
        )
    if changed and os.path.exists(f"{folder}/{PACKED}"):
        context.reporter.warn(
            f"{folder}/{PACKED} is of another generation now; pack it again with "
            f"`envc overlay pack --dir {folder}`"
        )
    lock = outcome.file.lock
    replaced = {*lock.shadows, *lock.lifts, *lock.hides}
    visible = [pin for pin in under.base.visible_pins((node,)) if pin.project not in replaced]
    return OverlayReport(
        name=spec.name,
        folder=folder,
        target=target.directory.path,
        base=spec.base,
        base_closure=under.base.named(),
        generation=generation.generation,
        digest=generation.digest,
        changed=changed,
        inherits=len(visible),
        adds=lock.adds(),
        shadows=lock.shadows,
        lifts=lock.lifts,
        hides=lock.hides,
        editable={pin.project: pin.directory for pin in lock.pins if pin.directory is not None},
        base_changes=_base_changes(directory, spec.name, before, generation),
        files=generation.layers[spec.name].files,
    )


def _base_changes(
    directory: Directory, layer: str, before: Generation | None, after: Generation
) -> LayerChange | None:
    if before is None or layer not in before.layers:
        return None
    earlier, now = (
        base_states(directory.tree(each.generation, layer), each.python) for each in (before, after)
    )
    return base_changes(earlier, now)


def _publication(
    stock: Stock, stack: Stack, chosen: Chosen, outcome: Outcome, target: Target, text: bytes
) -> Publication:
    return Publication(
        site=target.current.site,
        python=target.current.python,
        interpreter=target.current.interpreter,
        layers=(stock.plan(stack, chosen, lock=outcome.file.digest),),
        specs=(
            (OVERLAY_SPEC, text),
            (lock_file_name(stack.top.name), outcome.file.text),
        ),
    )


def _stack(
    spec: OverlaySpec,
    directory: Directory,
    target: Target,
    under: Below,
    outcome: Outcome,
    wheels: tuple[WheelFacts, ...],
) -> Stack:
    file = outcome.file
    closure = on_overlay(
        target.site.spec, spec, base=under.base, lock=file.lock, lock_digest=file.digest
    ).named()
    python = target.current.python
    top = stack_layer(directory, spec.name, closure=closure, wheels=wheels, python=python)
    common = next(layer for layer in under.layers if layer.location == target.directory.path)
    return Stack(
        python=target.current.python,
        interpreter=target.current.interpreter,
        layers=stacked(top, file.lock.hides, under.layers),
        env=environment_of(target.site.spec, common.name),
        editable=tuple(
            (pin.project, pin.directory) for pin in file.lock.pins if pin.directory is not None
        ),
    )


def _write_inputs(directory: Directory, text: bytes, outcome: Outcome, target: Target) -> None:
    """Bring spec, lock and location on disk to what the tree is about to be made from."""
    location = Location(site=target.current.site, target=target.directory.path)
    try:
        if read_location(directory.path) != location:
            write_file(f"{directory.path}/location.toml", location_to_text(location))
        spec_path = f"{directory.path}/{OVERLAY_SPEC}"
        if not os.path.exists(spec_path) or read_spec(spec_path) != text:
            write_file(spec_path, text)
    except OSError as error:
        raise disk_error(error, "write the overlay's spec", directory.path) from error
    if outcome.changed:
        write_lock(outcome.file)
