"""`envc lock`: resolve every layer that changed, and write its lock."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from packaging.utils import canonicalize_name

from envc.disk.durable import disk_error, write_file
from envc.errors import EnvcError, shell_word
from envc.host.context import Context
from envc.lock import (
    Base,
    layer_inputs,
    layer_problem,
    on_layer,
    overlay_inputs,
    overlay_problem,
    pinned_versions,
    with_absolute_paths,
)
from envc.locking.report import LockOptions
from envc.locking.task import LockTask, Outcome, Start
from envc.model.lock import Lock
from envc.model.names import layer_of_lock_file
from envc.model.resolution import Group
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec
from envc.model.target import Target
from envc.reports.lock import LockedLayer, LockReport
from envc.sites.place import shown
from envc.sites.site import (
    LockFile,
    Site,
    base_of_layer,
    base_under,
    load_overlay,
    no_layer,
    overlay_lock,
    overlay_lock_path,
    read_lock,
)
from envc.supply.building import Locker, Supply
from envc.supply.editables import built_editables
from envc.supply.indexes import indexes_of
from envc.supply.wheelhouse import WHEELHOUSE, copy_wheels, prune


def lock_site(site: Site, options: LockOptions, context: Context) -> LockReport:
    """Lock the layers (or the one overlay) that `options` name; write what changed.

    With `check` nothing is written, and a stale lock shows as `changed`.

    Raises:
        UnsatisfiableError: a layer has no solution; nothing is written for it or above it.
    """
    unknown = set(options.layers) - {layer.name for layer in site.spec.layers}
    if unknown:
        raise no_layer(min(unknown), site.spec)
    overlay = None if options.overlay is None else load_overlay(options.overlay)
    if overlay is None and any(layer.described is not None for layer in site.spec.layers):
        from envc.locking.inventories import have_inventories  # few sites describe any

        have_inventories(site, options, context)
    locker = None if overlay is None else _locker(site, overlay)
    with Supply(site, context, locker) as supply:
        if overlay is not None:
            base = base_under(site, overlay)
            shared = partial(shared_below, site, base, context)
            locked = lock_overlay(site.spec, overlay, base, options, supply, shared=shared)
            outcomes = {overlay.name: locked}
        else:
            outcomes = _lock_layers(site, options, supply)
    _warn_of_unknown(options, outcomes.values(), context)
    for warning in (each for outcome in outcomes.values() for each in outcome.warnings):
        context.reporter.warn(warning)
    _warn_of_collisions(site, outcomes, context)
    if options.overlay is None:
        _warn_of_strays(site, context)
    removed: tuple[str, ...] = ()
    if not options.check:
        for outcome in outcomes.values():
            copy_wheels(outcome.copies)
            if outcome.changed:
                write_lock(outcome.file)
        spent = [outcome.spent for outcome in outcomes.values() if outcome.spent]
        _remove(spent)
        pruned = _pruned(site, {os.path.dirname(o.file.path) for o in outcomes.values()})
        removed = (*map(shown, spent), *pruned)
    return LockReport(
        changed=any(outcome.changed for outcome in outcomes.values()),
        layers={name: _report(outcome, site.spec) for name, outcome in sorted(outcomes.items())},
        removed=removed,
    )


def _remove(spent: Iterable[str]) -> None:
    """Remove the files whose pins are in locks now."""
    for path in spent:
        try:
            os.unlink(path)
        except OSError as error:
            raise disk_error(error, "remove what the lock has now", path) from error


def _locker(site: Site, overlay: OverlaySpec) -> Locker:
    from envc.supply.strangers import locker_of  # layers are locked by whoever asks

    return locker_of(site, overlay)


def _warn_of_collisions(site: Site, outcomes: Mapping[str, Outcome], context: Context) -> None:
    for name, outcome in outcomes.items():
        if outcome.changed:
            from envc.locking.collisions import said_of_collisions  # most locks are as they were

            folder = os.path.dirname(outcome.file.path)
            for told in said_of_collisions(site, name, outcome.file.lock, folder, context):
                context.reporter.warn(told)


def _warn_of_strays(site: Site, context: Context) -> None:
    """Name the locks of layers that were renamed or removed; what others put there is theirs."""
    layers = {layer.name for layer in site.spec.layers}
    names = {name: layer_of_lock_file(name) for name in sorted(os.listdir(site.folder))}
    strays = {name: layer for name, layer in names.items() if layer and layer not in layers}
    if not strays:
        return
    from envc.sites.overlay_files import locks_of_overlays  # few sites have any

    beside = locks_of_overlays(site)
    for name, layer in strays.items():
        path = f"{site.folder}/{name}"
        with suppress(EnvcError):  # it is none of envc's
            found = read_lock(path, layer)
            if path not in beside and found is not None and found.lock.inputs is not None:
                context.reporter.warn(
                    f"{shown(path)} is the lock of layer {layer}, which the site has no more; "
                    f"remove it: `rm {shell_word(shown(path))}`"
                )


def _pruned(site: Site, folders: Iterable[str]) -> Iterator[str]:
    """The wheels that were removed from the wheelhouses beside the locks: nobody names them."""
    for folder in sorted(folders):
        if os.path.isdir(f"{folder}/{WHEELHOUSE}"):
            from envc.sites.overlay_files import specs_of  # few sites carry wheels

            beside = {os.path.dirname(os.path.abspath(path)) for path in specs_of(site)}
            yield from (shown(path) for path in prune(folder, {site.folder, *beside}))


def _warn_of_unknown(options: LockOptions, outcomes: Iterable[Outcome], context: Context) -> None:
    """Say which names of `--upgrade-package` are pinned nowhere: most are misspelt."""
    pinned = {pin.project for outcome in outcomes for pin in outcome.file.lock.pins}
    for name in sorted(options.projects):
        if canonicalize_name(name) not in pinned:
            context.reporter.warn(
                f"--upgrade-package {shell_word(name)}: nothing that was locked has it"
            )


def _lock_layers(site: Site, options: LockOptions, supply: Supply) -> dict[str, Outcome]:
    """Every layer asked for, bases first; a base that is not asked for is taken as it stands."""
    wanted = set(options.layers) or {layer.name for layer in site.spec.layers}
    outcomes: dict[str, Outcome] = {}
    bases: dict[str, Base] = {}
    for layer in site.spec.layers:
        base = bases.get(layer.base) or base_of_layer(site, layer)
        if layer.name in wanted:
            outcome = _lock_layer(site, layer, base, options, supply)
            outcomes[layer.name] = outcome
            bases[layer.name] = on_layer(
                site.spec,
                layer.name,
                base=base,
                lock=with_absolute_paths(outcome.file.lock, site.origin),
                lock_digest=outcome.file.digest,
            )
    return outcomes


def _lock_layer(
    site: Site, layer: LayerSpec, base: Base, options: LockOptions, supply: Supply
) -> Outcome:
    path = site.lock_path(layer.name)
    present = read_lock(path, layer.name)
    arrived = None
    if present is None:
        from envc.sites.arrived import arrived_pins  # once in a layer's life

        arrived = arrived_pins(site.folder, layer.name)

    def lock_on(base: Base) -> Outcome:
        task = LockTask(
            name=layer.name,
            requires=layer.requires,
            targets=site.spec.targets,
            base=base,
            inputs=layer_inputs(site.spec, layer, base),
            start=Start(path, present, options, arrived),
            problem=partial(layer_problem, site.spec, layer, base=base),
        )
        return task.outcome(supply)

    if not base.held:
        return lock_on(base)
    from envc.locking.protected import protected  # few layers stand on such a base

    return protected(site.spec, layer, base, lock_on, _lock_of)


def lock_overlay(
    site: SiteSpec,
    overlay: OverlaySpec,
    base: Base,
    options: LockOptions,
    supply: Supply,
    *,
    shared: Callable[[], tuple[Group, ...]] | None = None,
) -> Outcome:
    """The overlay's lock against `base`, kept when nothing that decides it has changed.

    One that was lost counts as changed, and its pins stay where the overlay was built from them.

    `shared` tells which projects of the base share a package directory, where `base` does not: it
    is asked only when one of them is replaced, since it may have to look into all their wheels. A
    first lock starts from what arrived with the `options`.

    Raises:
        UnsatisfiableError: there is no solution, or it needs a shadow that is refused.
        UsageError: somebody else could change what would be built.
    """
    if overlay.editable or any(each.requirement.url for each in overlay.requires):
        from envc.supply.strangers import refuse_strangers_sources  # few name any

        refuse_strangers_sources(overlay)
    path = overlay_lock_path(overlay)
    editables = built_editables(overlay, supply, folder=os.path.dirname(path))

    def lock_on(base: Base) -> Outcome:
        task = LockTask(
            name=overlay.name,
            requires=overlay.requires,
            targets=site.targets,
            base=base,
            inputs=overlay_inputs(site, overlay, base),
            start=Start(path, overlay_lock(overlay), options, options.arrived),
            problem=partial(overlay_problem, site, overlay, base=base),
            editables=editables,
            shared=shared,
        )
        return task.outcome(supply)

    if not base.held:
        return lock_on(base)
    from envc.locking.protected import protected  # few overlays stand on such a base

    return protected(site, overlay, base, lock_on, _lock_of)


def _lock_of(outcome: Outcome) -> Lock:
    return outcome.file.lock


def shared_below(site: Site, base: Base, context: Context) -> tuple[Group, ...]:
    """The projects of a base that share a package directory, as their wheels' contents tell.

    A wheel that cannot be looked into is named, and taken to share nothing.
    """
    from envc.locking.known_base import known_base
    from envc.supply.contents import (
        ContentsSource,  # no layer needs it, and few overlays do
    )

    contents = ContentsSource(site.spec.core.python, context, indexes=indexes_of(site))
    known = known_base(site.spec, base, contents)
    for unknown in known.unknown:
        context.reporter.warn(
            f"whether {unknown.project} shares a package directory with another project of "
            f"{base.layer} is not known: {unknown.fault.what}"
        )
    return known.base.together


def write_lock(file: LockFile) -> None:
    """Write a lock to its place, in one step.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        write_file(file.path, file.text)
    except OSError as error:
        raise disk_error(error, "write the lock", file.path) from error


def _report(outcome: Outcome, site: SiteSpec) -> LockedLayer:
    lock = outcome.file.lock
    pins, targets = _pins_by_target(lock, site.targets)
    return LockedLayer(
        path=shown(outcome.file.path),
        digest=outcome.file.digest,
        changed=outcome.changed,
        pins=pins,
        targets=targets,
        shadows=lock.shadows,
        lifts=lock.lifts,
        hides=lock.hides,
        built=tuple(build.wheel for build in lock.builds),
        moves=outcome.moves,
    )


def _pins_by_target(
    lock: Lock, targets: Iterable[Target]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The pins that hold on every target, and by target those that do not."""
    pins = {
        target.name: {
            str(project): str(version)
            for project, version in pinned_versions(lock, target.markers).items()
        }
        for target in targets
    }
    first, *others = pins.values()
    everywhere = {
        project: version
        for project, version in first.items()
        if all(other.get(project) == version for other in others)
    }
    differing = {
        name: {project: v for project, v in own.items() if project not in everywhere}
        for name, own in pins.items()
    }
    return everywhere, {name: own for name, own in differing.items() if own}
