"""A site's locks to a publication: machine and locks checked, the store filled, trees planned."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial

from envc.errors import AnswerIsNo, Fault, UntrustedError, UsageError, shell_word
from envc.formats.policy import policy_to_json
from envc.host.context import Context
from envc.host.machine import machine_of, target_for
from envc.lock import Base, on_layer, select_wheels, with_absolute_paths
from envc.model.bundle import Sources
from envc.model.digest import Digest, hex_of
from envc.model.generation import Generation
from envc.model.lock import Lock, LockedWheel
from envc.model.names import CORE, lock_file_name
from envc.model.publication import Publication
from envc.model.spec import CoreSpec, LayerSpec, policy_of
from envc.model.stack import Stack, StackLayer
from envc.model.target import Machine
from envc.model.value import value
from envc.sites.place import MOST_OF_A_LOCK, read_spec
from envc.sites.site import (
    CarriedCore,
    LockFile,
    Site,
    bottom_of,
    load_site,
    no_layer,
    require_lock,
)
from envc.supply.indexes import indexes_of
from envc.supply.stale_layers import stale_lock
from envc.target.directory import Directory, Shape
from envc.target.opened import locate, read_location
from envc.target.stock import Chosen, Stock, stack_layer, stacked


@value
class LockedLayer:
    """A layer's lock, and what a layer above it stands on."""

    file: LockFile
    above: Base

    @property
    def folder(self) -> str:
        """Where the lock stands, and the inventory of a described layer beside it."""
        return os.path.dirname(self.file.path)


def plan_site(
    spec: tuple[str, str],
    directory: Directory,
    *,
    current: Generation | None,
    layers: tuple[str, ...],
    sources: Sources,
    context: Context,
) -> Publication:
    """The generation that the site's locks describe; every wheel it needs is in the store.

    `spec` is the site's folder and its spec's name; a `location.toml` in the folder tells where its
    relative paths start. `layers` are those to build, none: all; the
    others carry over from the `current` generation.

    Raises:
        UsageError: a lock is missing, or this machine is no target of the locks.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock, or is hostile.
        OutsideError: disk or network.
    """
    copied_from = read_location(spec[0])

    def carried(core: CoreSpec, origin: str) -> str:
        from envc.core.place import place_core  # few sites carry one

        return place_core(directory.cores, core, origin, sources, context.reporter)

    checkout = copied_from.checkout if copied_from is not None else None
    site = load_site(*spec, origin=checkout, carried=carried)
    machine = machine_of(_interpreter(site, current, carried))
    locks = locks_of(site, directory, current, layers)
    inventories = _inventories(site, locks)
    if inventories:
        from envc.target.environments import refuse_other_environments  # few sites describe any

        refuse_other_environments(inventories)
    python = site.spec.core.python
    indexes = indexes_of(site)
    stock = Stock(directory, python, machine.interpreter, sources.wheels, indexes, context)
    chosen = {
        name: stock.seen(_chosen(layer.file.lock, site.origin, machine))
        for name, layer in locks.items()
    }
    stock.fill(
        (wheel for pins in chosen.values() for _, wheel in pins),
        weigh=partial(_refuse_other_sizes, _of_others(locks, chosen)),
    )
    stacks = _stacks(site, locks, stock, chosen)
    storage = site.spec.overlays.storage
    locate(directory, site=site.spec.name, storage=storage, checkout=site.origin)
    return Publication(
        site=site.spec.name,
        python=python,
        interpreter=machine.interpreter,
        core=_core_digest(site, directory),
        layers=tuple(
            stock.plan(stack, chosen[name], lock=locks[name].file.digest)
            for name, stack in stacks.items()
        ),
        policy=policy_to_json(policy_of(site.spec)),
        settings=json.dumps(site.spec.settings()).encode(),
        on_files=any(each.requirement.url for layer in site.spec.layers for each in layer.requires),
        specs=(
            (site.spec_name, site.text),
            *((lock_file_name(name), layer.file.text) for name, layer in locks.items()),
            *inventories,
        ),
    )


def _chosen(lock: Lock, origin: str, machine: Machine) -> Chosen:
    """What a lock holds for this machine; its relative paths are taken from `origin`."""
    return select_wheels(with_absolute_paths(lock, origin), target_for(lock, machine), unseen=True)


def _of_others(
    locks: Mapping[str, LockedLayer], chosen: Mapping[str, Chosen]
) -> frozenset[LockedWheel]:
    """The chosen wheels of locks that other tools wrote."""
    others = [name for name, layer in locks.items() if layer.file.lock.inputs is None]
    return frozenset(wheel for name in others for _, wheel in chosen[name])


def _refuse_other_sizes(
    promised: frozenset[LockedWheel], wheels: Sequence[LockedWheel], paths: Sequence[str]
) -> None:
    """Refuse files of another size than was promised.

    Sizes in envc's own locks are no promises: they are what an index said.

    Raises:
        UntrustedError: there are such.
    """
    for wheel, path in zip(wheels, paths, strict=True):
        size = os.path.getsize(path)
        if wheel in promised and wheel.size_bytes not in {None, size}:
            raise UntrustedError(
                f"{wheel.filename} has {size} bytes; its lock says {wheel.size_bytes}",
                where=path,
                mend="do not use this file, or lock again",
            )


def _interpreter(site: Site, current: Generation | None, carried: CarriedCore) -> str | None:
    """The core's interpreter: the site's, else the one this target already runs on.

    A target keeps its interpreter, whichever envc materializes it the next time.
    """
    if site.spec.core.archive is not None:
        return carried(site.spec.core, site.origin)
    if site.spec.core.interpreter is not None:
        return site.spec.core.interpreter
    if current is not None and os.access(current.interpreter, os.X_OK):
        return current.interpreter
    return None


def _core_digest(site: Site, directory: Directory) -> Digest | None:
    """The tree digest of the core that the target carries."""
    archive = site.spec.core.archive
    if archive is None:
        return None
    from envc.core.folder import core_manifest  # few sites carry one

    return core_manifest(f"{directory.cores}/{hex_of(archive.digest)}").digest()


def _stacks(
    site: Site, locks: Mapping[str, LockedLayer], stock: Stock, chosen: Mapping[str, Chosen]
) -> dict[str, Stack]:
    """The stack of each layer to build, bases first."""
    stacks: dict[str, Stack] = {}
    for spec in site.spec.layers:
        if spec.name not in locks:
            continue
        name, layer = spec.name, locks[spec.name]
        top = stack_layer(
            stock.directory,
            name,
            closure=layer.above.named(),
            wheels=stock.facts(chosen[name]),
            python=stock.python,
        )
        below = stacks[spec.base].layers if spec.base in stacks else _environment(spec, layer.above)
        stacks[name] = Stack(
            python=stock.python,
            interpreter=layer.above.interpreter or stock.interpreter,
            layers=stacked(top, layer.file.lock.hides, below),
            env=site.spec.environment(name),
            modules=site.spec.modules(name),
        )
    return stacks


def _environment(spec: LayerSpec, above: Base) -> tuple[StackLayer, ...]:
    """The folders that a described layer stands on."""
    if spec.described is None:
        return ()
    from envc.target.described import folders_below  # few layers stand on such a thing

    return folders_below(above, warns=spec.described.warns_of_changes)


def _inventories(site: Site, locks: Mapping[str, LockedLayer]) -> tuple[tuple[str, bytes], ...]:
    """The inventory of each described layer: file name and bytes."""
    return tuple(
        (
            spec.described.file,
            read_spec(f"{locks[spec.name].folder}/{spec.described.file}", MOST_OF_A_LOCK),
        )
        for spec in site.spec.layers
        if spec.described is not None and spec.name in locks
    )


def closures_of(site: Site) -> dict[str, Digest]:
    """The closure digest of every layer, by the site's present locks.

    Raises:
        UsageError: a lock is missing.
        AnswerIsNo: a lock is stale.
    """
    nowhere = Directory(site.folder, Shape.TARGET)  # nothing is carried over from it
    return {name: layer.above.named() for name, layer in locks_of(site, nowhere, None, ()).items()}


def locks_of(
    site: Site, directory: Directory, current: Generation | None, wanted: tuple[str, ...]
) -> dict[str, LockedLayer]:
    """The lock of each layer to build, in the site's order; carried over where not wanted.

    Raises:
        UsageError: a lock is missing, or a layer is unknown.
        AnswerIsNo: a lock is stale; all stale ones at once.
    """
    known = [layer.name for layer in site.spec.layers]
    for name in wanted:
        if name not in known:
            raise no_layer(name, site.spec)
    locks: dict[str, LockedLayer] = {}
    stale: list[Fault] = []
    for layer in site.spec.layers:
        carried = bool(wanted) and layer.name not in wanted
        if carried:
            found = _carried(directory, current, layer)
        else:
            found = require_lock(site.lock_path(layer.name), layer.name)
        if found is None:
            continue
        base = _base_of(site, layer, locks, os.path.dirname(found.path))
        fault = None if carried else stale_lock(site, layer, found, base)
        if fault is not None:
            stale.append(fault)
        above = on_layer(
            site.spec, layer.name, base=base, lock=found.lock, lock_digest=found.digest
        )
        locks[layer.name] = LockedLayer(found, above)
    if stale:
        raise AnswerIsNo.of(stale)
    return locks


def _base_of(site: Site, layer: LayerSpec, locks: Mapping[str, LockedLayer], folder: str) -> Base:
    """What a layer stands on; its own files are in `folder`."""
    if layer.base == CORE:
        return bottom_of(site, layer, folder)
    if layer.base not in locks:
        raise UsageError(
            f"layer {layer.name} stands on {layer.base}, which is not materialized here",
            mend=f"add --layer {shell_word(layer.base)}",
        )
    return locks[layer.base].above


def _carried(directory: Directory, current: Generation | None, layer: LayerSpec) -> LockFile | None:
    """The lock from which the current generation has a layer that is not to be changed."""
    if current is None or layer.name not in current.layers:
        return None
    path = f"{directory.generation(current.generation)}/site/{lock_file_name(layer.name)}"
    return require_lock(path, layer.name, f"envc repair --target {shell_word(directory.path)}")
