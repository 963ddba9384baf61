"""Whether common layers' locks are what locking would make now, as far as no index has a say."""

from collections.abc import Iterable

from envc.errors import Fault
from envc.lock import Base, layer_inputs
from envc.model.lock import Lock
from envc.model.spec import LayerSpec
from envc.ports import Reporter
from envc.sites.place import shown
from envc.sites.site import LockFile, Site, base_of_layer, require_lock


def stale_lock(site: Site, layer: LayerSpec, found: LockFile, base: Base) -> Fault | None:
    """What is to be said of a common layer's lock that is stale; None: it is not."""
    if found.lock.inputs not in {None, layer_inputs(site.spec, layer, base)}:
        changed = f"{site.spec_name} or its base has changed"
    elif _names_changed_files(site, layer, found.lock):
        changed = f"a file or folder that {site.spec_name} names has changed"
    else:
        return None
    what = f"the lock of layer {layer.name} is stale: {changed} since"
    return Fault(what, shown(found.path), "write it anew with `envc lock`")


def _names_changed_files(site: Site, layer: LayerSpec, lock: Lock) -> bool:
    if all(sourced.requirement.url is None for sourced in layer.requires):
        return False
    from envc.supply.local_files import is_as_locked  # few layers name files

    return not is_as_locked(layer.requires, lock, folder=site.origin)


def stale_layers(site: Site, layer: str) -> tuple[Fault, ...]:
    """What is to be said of the stale locks in the stack of a common layer, the lowest first.

    Raises:
        UsageError: the site has no such layer, or a lock is missing.
    """
    faults = (
        stale_lock(
            site,
            spec,
            require_lock(site.lock_path(spec.name), spec.name),
            base_of_layer(site, spec),
        )
        for spec in reversed(site.spec.chain(layer))
    )
    return tuple(fault for fault in faults if fault is not None)


def warn_of_stale(faults: Iterable[Fault], reporter: Reporter) -> None:
    """Tell whoever is given an answer from locks that these are stale."""
    for fault in faults:
        reporter.warn(f"{fault.what} ({fault.where}); {fault.mend}")
