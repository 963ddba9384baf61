"""A site's locks as they are to be materialized: present, fresh, each with what it stands on."""

from collections.abc import Mapping

from envc.errors import AnswerIsNo, Fault, UsageError
from envc.lock import CORE_BASE, Base, layer_inputs, on_layer
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.model.lock import Lock
from envc.model.names import lock_file_name
from envc.model.spec import CORE, LayerSpec
from envc.model.value import value
from envc.sites.place import shown
from envc.sites.site import LockFile, Site, require_lock
from envc.target.directory import Directory, Shape


@value
class LockedLayer:
    """A layer's lock, and what a layer above it stands on."""

    file: LockFile
    above: Base


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
            raise UsageError(
                f"no layer {name!r} in site {site.spec.name}", mend=f"use {', '.join(known)}"
            )
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
        locks[layer.name] = LockedLayer(found, above)
    if stale:
        raise AnswerIsNo.of(stale)
    return locks


def _names_what_changed(layer: LayerSpec, lock: Lock, folder: str) -> bool:
    if all(sourced.requirement.url is None for sourced in layer.requires):
        return False
    from envc.supply.local_files import is_as_locked  # few layers name files

    return not is_as_locked(layer.requires, lock, folder=folder)


def _base_of(layer: LayerSpec, locks: Mapping[str, LockedLayer]) -> Base:
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
