"""An overlay from its spec to its tree: locked, fetched, planned, published.

spec, Target ──wanted_overlay──▶ Wanted ──lock_overlay──▶ Outcome ──build──▶ generation
"""

import os
from collections.abc import Mapping
from contextlib import suppress

from packaging.utils import NormalizedName

from envc.disk.durable import doing, write_file
from envc.disk.locks import exclusive, shared
from envc.disk.ownership import refuse_exposed, refuse_foreign
from envc.errors import OutsideError, UsageError, shell_word
from envc.formats.location import Location
from envc.host.context import Context
from envc.host.machine import machine_of, target_for
from envc.host.space import need_of, refuse_what_cannot_fit
from envc.host.storage import refuse_unwritable
from envc.lock import closure_digest, select_wheels, with_absolute_paths
from envc.locking.lock import lock_overlay, write_lock
from envc.locking.report import LockOptions
from envc.locking.task import Outcome
from envc.model.generation import Generation
from envc.model.lock import Lock
from envc.model.names import INVENTORY_FILE, OVERLAY_SPEC, PACKED, lock_file_name
from envc.model.publication import Publication
from envc.model.spec import IndexSpec, OverlaySpec
from envc.model.stack import Stack
from envc.model.target import Target as NodeTarget
from envc.model.value import replace, value
from envc.overlays.described import DescribedBase
from envc.overlays.unchanged import note_report
from envc.reports.overlay import OverlayReport
from envc.sites.place import read_spec
from envc.sites.site import LockFile, overlay_lock_path
from envc.supply.building import Supply
from envc.supply.indexes import indexes_of
from envc.supply.wheelhouse import copy_wheels
from envc.target.base_state import base_changes
from envc.target.below import Below, below
from envc.target.directory import Directory, Shape
from envc.target.holding import said_of_current
from envc.target.inputs import described_inputs, target_inputs
from envc.target.opened import Target, named_for, write_location
from envc.target.publication import save_plan
from envc.target.publish import make_directory, publish
from envc.target.stock import Chosen, Stock, stack_layer, stacked


@value(kw_only=True)
class Wanted:
    """What an overlay is to be built from, beside its lock: its spec, what is below it, the core.

    `text` are the bytes of the spec; `read` are those that it was made from, empty where there was
    none, None where that does not matter. `env` and `modules` are the nearest common layer's; what
    is `described` has no target, and no location.
    """

    directory: Directory
    spec: OverlaySpec
    text: bytes
    below: Below
    location: Location | None
    python: str
    interpreter: str
    env: tuple[tuple[str, str], ...]
    modules: tuple[str, ...]
    read: bytes | None = None
    described: DescribedBase | None = None


class MeanwhileChangedError(UsageError):
    """The spec on disk is not the one any more from which the new one was made."""


def lock_and_build(
    spec: OverlaySpec,
    text: bytes,
    target: Target | DescribedBase,
    options: LockOptions,
    context: Context,
    *,
    read: bytes | None = None,
) -> OverlayReport:
    """The overlay as its spec says, on what the target has now, in the folder of `spec.file`.

    A described base stands for a target where envc did not build what is below.

    `text` is the spec as its file has it, or shall have it; `read` as for `Wanted`. Spec and lock
    are written when only the disk can still fail.

    Raises:
        UsageError: the folder is somebody else's, or others could write there.
        MeanwhileChangedError: the spec is another one than was `read`; nothing was written.
        UnsatisfiableError: there is no solution.
        OutsideError: an index or the disk failed, or it does not fit; all is as it was.
        UntrustedError: a wheel is not what the lock says.
    """
    folder = os.path.dirname(os.path.abspath(spec.file))
    refuse_unwritable(folder, target.location.storage if isinstance(target, Target) else None)
    refuse_foreign(folder)
    refuse_exposed(folder)
    wanted = replace(wanted_overlay(spec, text, target), read=read)
    inputs = (f"{folder}/{OVERLAY_SPEC}", overlay_lock_path(spec))
    context.reporter.holds(said_of_current(wanted.directory, inputs))
    with Supply(target.site, context) as supply:
        outcome = lock_overlay(target.site.spec, spec, wanted.below.base, options, supply)
    report = build(wanted, outcome, indexes_of(target.site), context)
    if spec.base_dir is None and not any(each.requirement.url for each in spec.requires):
        current = wanted.directory.record(report.generation)
        note_report(wanted.directory, current, _basis(target), report)
    return report


def _basis(target: Target | DescribedBase) -> Mapping[str, str]:
    """What an overlay's tree rests on below its own spec and lock."""
    if isinstance(target, Target):
        return target_inputs(target.current, target.directory.path)
    return described_inputs(os.path.dirname(target.site.spec.file), target.inventory.interpreter)


def wanted_overlay(spec: OverlaySpec, text: bytes, target: Target | DescribedBase) -> Wanted:
    """What the overlay with this spec is to be built from on a target, as that is now.

    Raises:
        SpecError, UsageError: its base is none, or not there.
    """
    if not isinstance(target, Target):
        return _on_described(spec, text, target)
    under, site, current = below(target, spec), target.site.spec, target.current
    if under.base.inventory is not None and not spec.warns_of_changes:
        from envc.target.environments import refuse_other_environment  # few stand on such a thing

        refuse_other_environment(under.base.inventory, target.directory.path)
    place = target.directory.path
    common = next(layer.name for layer in under.layers if layer.location == place)
    return Wanted(
        directory=Directory(os.path.dirname(os.path.abspath(spec.file)), Shape.OVERLAY),
        spec=spec,
        text=text,
        below=under,
        location=Location(site=current.site, target=place),
        python=current.python,
        interpreter=under.base.interpreter or current.interpreter,
        env=site.environment(common),
        modules=site.modules(common),
    )


def _on_described(spec: OverlaySpec, text: bytes, base: DescribedBase) -> Wanted:
    return Wanted(
        directory=Directory(os.path.dirname(os.path.abspath(spec.file)), Shape.OVERLAY),
        spec=spec,
        text=text,
        below=base.below(spec),
        location=None,
        python=base.python,
        interpreter=base.inventory.interpreter,
        env=(),
        modules=base.on.modules,
        described=base,
    )


def build(
    wanted: Wanted, outcome: Outcome, indexes: tuple[IndexSpec, ...], context: Context
) -> OverlayReport:
    """The overlay as it is locked, published; credentials of `indexes` serve for its wheels.

    Raises:
        OutsideError: a wheel cannot be had, the disk failed, or it does not fit.
        UntrustedError: a wheel is not what the lock says.
    """
    directory, lock = wanted.directory, outcome.file.lock
    before = directory.sound_current()
    machine = machine_of(wanted.interpreter)
    node = target_for(lock, machine)
    chosen = select_wheels(with_absolute_paths(lock, directory.path), node)
    make_directory(directory)
    copy_wheels(outcome.copies)
    with shared(directory.store_lock):
        stock = Stock(directory, wanted.python, machine.interpreter, None, indexes, context)
        stock.fill(
            (wheel for _, wheel in chosen),
            weigh=lambda _, paths: refuse_what_cannot_fit(
                need_of(paths), directory.path, context.reporter
            ),
        )
        publication = _publication(wanted, outcome.file, stock, chosen)
        _write_inputs(wanted, outcome)
        save_plan(directory, publication.digest(), publication)
        published = publish(
            directory, publication, stock.store, link_mode="auto", reporter=context.reporter
        )
    if published.changed and os.path.exists(f"{directory.path}/{PACKED}"):
        context.reporter.warn(
            f"{directory.path}/{PACKED} is of another generation now; pack it again with "
            f"`envc overlay pack --dir {shell_word(directory.path)}`"
        )
    report = _report(wanted, lock, node, (before, published.generation), changed=published.changed)
    return replace(report, moves=outcome.moves)


def _publication(wanted: Wanted, file: LockFile, stock: Stock, chosen: Chosen) -> Publication:
    top = stack_layer(
        wanted.directory,
        wanted.spec.name,
        closure=closure_digest(wanted.python, file.digest, wanted.below.base.closure),
        wheels=stock.facts(chosen),
        python=wanted.python,
    )
    stack = Stack(
        python=wanted.python,
        interpreter=wanted.interpreter,
        layers=stacked(top, file.lock.hides, wanted.below.layers),
        env=wanted.env,
        modules=wanted.modules,
        editable=_editable(file.lock),
    )
    found = wanted.described
    return Publication(
        site=wanted.location.site if wanted.location is not None else "",
        python=wanted.python,
        interpreter=wanted.interpreter,
        layers=(stock.plan(stack, chosen, lock=file.digest),),
        specs=(
            (OVERLAY_SPEC, wanted.text),
            (lock_file_name(top.name), file.text),
            *([(INVENTORY_FILE, found.text)] if found is not None else []),
        ),
    )


def _editable(lock: Lock) -> tuple[tuple[NormalizedName, str], ...]:
    """The editable projects of a lock, each with its folder."""
    return tuple((pin.project, pin.directory) for pin in lock.pins if pin.directory is not None)


def _write_inputs(wanted: Wanted, outcome: Outcome) -> None:
    """Bring spec, lock and location on disk to what the tree is about to be made from."""
    folder = wanted.directory.path
    path = f"{folder}/{OVERLAY_SPEC}"
    with exclusive(wanted.directory.lock):
        present = read_spec(path) if os.path.exists(path) else b""
        if wanted.read is not None and present != wanted.read:
            raise MeanwhileChangedError(
                "the overlay's spec was changed by somebody else meanwhile",
                where=path,
                mend="look at it, and run the same command again",
            )
        _write_base(folder, wanted)
        if present != wanted.text:
            with doing("write the overlay's spec", path):
                write_file(path, wanted.text)
        if outcome.changed:
            write_lock(outcome.file)


def _write_base(folder: str, wanted: Wanted) -> None:
    """Write where the overlay's target is, or what its described base holds; the other one goes."""
    place, inventory = f"{folder}/location.toml", f"{folder}/{INVENTORY_FILE}"
    if wanted.location is not None:
        write_location(folder, named_for(folder, wanted.location))
        if os.path.exists(inventory):
            os.unlink(inventory)
    elif wanted.described is not None:
        with doing("write what the base holds", inventory):
            write_file(inventory, wanted.described.text)
        if os.path.exists(place):
            os.unlink(place)


def _report(
    wanted: Wanted,
    lock: Lock,
    node: NodeTarget,
    generations: tuple[Generation | None, Generation],
    *,
    changed: bool,
) -> OverlayReport:
    """The overlay as it is now; of the `generations` the first was current until then."""
    (before, now), base = generations, wanted.below.base
    below = {pin.project: pin.version for pin in base.visible_pins((node,))}
    own = {pin.project: pin.version for pin in lock.pins}
    moved = None
    with suppress(OutsideError):  # of a tree that was damaged nobody can tell
        moved = base_changes(wanted.directory, before, now) if before is not None else None
    return OverlayReport(
        name=wanted.spec.name,
        folder=wanted.directory.path,
        target=wanted.location.target if wanted.location is not None else "",
        on=base.inventory.python if base.inventory is not None else "",
        modules=wanted.modules if wanted.described is not None else (),
        base=wanted.spec.base,
        base_closure=base.named(),
        generation=now.generation,
        digest=now.digest,
        changed=changed,
        inherits=len(below.keys() - {*lock.shadows, *lock.lifts, *lock.hides}),
        adds=lock.adds(),
        shadows=lock.shadows,
        lifts=lock.lifts,
        hides=lock.hides,
        editable={str(project): folder for project, folder in _editable(lock)},
        base_changes=moved,
        files=now.layers[wanted.spec.name].files,
        replaced={
            str(project): (str(below[project]), str(own[project]))
            for project in (*lock.shadows, *lock.lifts)
            if project in below and project in own
        },
    )
