"""A site's locks to a publication: machine and locks checked, the store filled, trees planned."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from envc.errors import AnswerIsNo, Fault, UsageError
from envc.formats.location import Location
from envc.formats.pylock import lock_file_name
from envc.lock import (
    CORE_BASE,
    Base,
    layer_inputs,
    on_layer,
    select_wheels,
    with_absolute_paths,
)
from envc.materialize.directory import Directory, Shape
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.model.lock import Lock
from envc.model.publication import Publication
from envc.model.spec import CORE, LayerSpec, SiteSpec
from envc.model.stack import Stack
from envc.pipeline.sites.context import Context
from envc.pipeline.sites.machine import machine_of
from envc.pipeline.sites.node import target_for
from envc.pipeline.sites.place import shown
from envc.pipeline.sites.site import LockFile, Site, load_site, require_lock
from envc.pipeline.supply.indexes import indexes_of
from envc.pipeline.targets.base import read_location, write_location
from envc.pipeline.targets.stock import Chosen, Stock, stack_layer, stacked


@dataclass(frozen=True, slots=True)
class _Locked:
    """A layer's lock, and what a layer above it stands on."""

    file: LockFile
    above: Base


def plan_site(
    spec: tuple[str, str],
    directory: Directory,
    *,
    current: Generation | None,
    layers: tuple[str, ...],
    wheelhouse: str | None,
    context: Context,
) -> Publication:
    """The generation that the site's locks describe; every wheel it needs is in the store.

    `spec` is the site's folder and its spec's name; a `location.toml` in the folder tells where its
    relative paths start. `layers` are those to build, none: all; the
    others carry over from the `current` generation. A `wheelhouse` is looked into before any index.

    Raises:
        UsageError: a lock is missing, or this machine is no target of the locks.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock, or is hostile.
        OutsideError: disk or network.
    """
    copied_from = read_location(spec[0])
    site = load_site(*spec, origin=copied_from.checkout if copied_from is not None else None)
    machine = machine_of(_interpreter(site, current))
    locks = _locks(site, directory, current, layers)
    chosen = {
        name: select_wheels(
            with_absolute_paths(layer.file.lock, site.origin), target_for(layer.file.lock, machine)
        )
        for name, layer in locks.items()
    }
    python = site.spec.core.python
    indexes = indexes_of(site)
    stock = Stock(directory, python, machine.interpreter, wheelhouse, indexes, context)
    stock.fill(wheel for pins in chosen.values() for _, wheel in pins)
    stacks = _stacks(site, locks, stock, chosen)
    _write_location(site, directory)
    return Publication(
        site=site.spec.name,
        python=python,
        interpreter=machine.interpreter,
        layers=tuple(
            stock.plan(stack, chosen[name], lock=locks[name].file.digest)
            for name, stack in stacks.items()
        ),
        specs=(
            (site.spec_name, site.text),
            *((lock_file_name(name), layer.file.text) for name, layer in locks.items()),
        ),
    )


def closures_of(site: Site) -> dict[str, Digest]:
    """The closure digest of every layer, by the site's present locks.

    Raises:
        UsageError: a lock is missing.
        AnswerIsNo: a lock is stale.
    """
    nowhere = Directory(site.folder, Shape.TARGET)  # nothing is carried over from it
    return {name: layer.above.named() for name, layer in _locks(site, nowhere, None, ()).items()}


def _interpreter(site: Site, current: Generation | None) -> str | None:
    """The core's interpreter: the site's, else the one this target already runs on.

    A target keeps its interpreter, whichever envc materializes it the next time.
    """
    if site.spec.core.interpreter is not None:
        return site.spec.core.interpreter
    if current is not None and os.access(current.interpreter, os.X_OK):
        return current.interpreter
    return None


def _locks(
    site: Site, directory: Directory, current: Generation | None, wanted: tuple[str, ...]
) -> dict[str, _Locked]:
    """The lock of each layer to build, in the site's order; carried over where not wanted.

    Raises:
        UsageError: a lock is missing, or a layer is unknown.
        AnswerIsNo: a lock is stale; all stale ones at once.
    """
    known = [layer.name for layer in site.spec.layers]
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"no layer {name!r} in site {site.spec.name}", mend=f"use {', '.join(known)}"
            )
    locks: dict[str, _Locked] = {}
    stale: list[Fault] = []
    for layer in site.spec.layers:
        carried = bool(wanted) and layer.name not in wanted
        if carried:
            found = _carried(directory, current, layer)
        else:
            found = require_lock(site.lock_path(layer.name), layer.name)
        if found is None:
            continue
        base = _base_of(layer, locks)
        if not carried and found.lock.inputs not in {None, layer_inputs(site.spec, layer, base)}:
            stale.append(
                Fault(
                    f"the lock of layer {layer.name} is stale: {site.spec_name} or its base has "
                    "changed since",
                    shown(found.path),
                    "write it anew with `envc lock`",
                )
            )
        elif not carried and _names_what_changed(layer, found.lock, site.origin):
            stale.append(
                Fault(
                    f"the lock of layer {layer.name} is stale: a file or folder that "
                    f"{site.spec_name} names has changed since",
                    shown(found.path),
                    "write it anew with `envc lock`",
                )
            )
        above = on_layer(
            site.spec, layer.name, base=base, lock=found.lock, lock_digest=found.digest
        )
        locks[layer.name] = _Locked(found, above)
    if stale:
        raise AnswerIsNo.of(stale)
    return locks


def _names_what_changed(layer: LayerSpec, lock: Lock, folder: str) -> bool:
    if all(sourced.requirement.url is None for sourced in layer.requires):
        return False
    from envc.pipeline.supply.direct import is_as_locked  # few layers name files

    return not is_as_locked(layer.requires, lock, folder=folder)


def _base_of(layer: LayerSpec, locks: Mapping[str, _Locked]) -> Base:
    if layer.base == CORE:
        return CORE_BASE
    if layer.base not in locks:
        raise UsageError(
            f"layer {layer.name} stands on {layer.base}, which is not materialized here",
            mend=f"add --layer {layer.base}",
        )
    return locks[layer.base].above


def _carried(directory: Directory, current: Generation | None, layer: LayerSpec) -> LockFile | None:
    """The lock from which the current generation has a layer that is not to be changed."""
    if current is None or layer.name not in current.layers:
        return None
    path = f"{directory.generation(current.generation)}/site/{lock_file_name(layer.name)}"
    return require_lock(path, layer.name)


def _stacks(
    site: Site, locks: Mapping[str, _Locked], stock: Stock, chosen: Mapping[str, Chosen]
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
        below = stacks[spec.base].layers if spec.base in stacks else ()
        stacks[name] = Stack(
            python=stock.python,
            interpreter=stock.interpreter,
            layers=stacked(top, layer.file.lock.hides, below),
            env=environment_of(site.spec, name),
        )
    return stacks


def environment_of(site: SiteSpec, layer: str) -> tuple[tuple[str, str], ...]:
    """The variables that a layer and its bases set, in order of name; the nearest layer wins."""
    variables: dict[str, str] = {}
    for spec in reversed(site.chain(layer)):
        variables |= dict(spec.env)
    return tuple(sorted(variables.items()))


def _write_location(site: Site, directory: Directory) -> None:
    before = read_location(directory.path)
    location = Location(
        site=site.spec.name,
        target=directory.path,
        storage=site.spec.overlays.storage,
        checkout=site.origin,
        wanted=before.wanted if before is not None else None,
    )
    if location != before:
        write_location(directory.path, location)
