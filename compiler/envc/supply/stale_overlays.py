"""Whether overlays' locks are what locking would make now, as far as no index has a say."""

import os

from envc.errors import Fault
from envc.lock import Base, overlay_inputs
from envc.model.lock import Lock, LockState
from envc.model.spec import OverlaySpec, SiteSpec
from envc.sites.place import shown
from envc.sites.site import (
    Site,
    base_under,
    locks,
    overlay_below,
    overlay_lock_path,
    require_overlay_lock,
)
from envc.supply.declared import Outdated, outdated_editables
from envc.supply.local_files import is_as_locked
from envc.supply.stale_layers import stale_layers
from envc.supply.strangers import Reach

_STALE = {
    LockState.STALE: "is stale: its spec, or what the site asks of overlays, has changed since",
    LockState.OTHER_BASE: "is stale: it was made against another state of its base",
}


def stale_below(site: Site, overlay: OverlaySpec) -> tuple[Fault, ...]:
    """What is to be said of the stale locks below an overlay, whose bases are no circle.

    Above a stale lock of an overlay nothing is looked at: the next ones change with it.

    Raises:
        SpecError, UsageError: as for `base_under`.
    """
    if overlay.on is not None:
        return ()
    below = overlay_below(overlay)
    return stale_layers(site, overlay.base) if below is None else stale_overlay(site, below)


def stale_overlay(site: Site, overlay: OverlaySpec) -> tuple[Fault, ...]:
    """What is to be said of the stale locks in the stack of an overlay, its own included.

    Raises:
        SpecError, UsageError: as for `base_under`; it has no lock.
    """
    base = base_under(site, overlay)
    below = stale_below(site, overlay)
    if below:
        return below
    found = require_overlay_lock(overlay)
    state = overlay_state(site.spec, overlay, base, found.lock)
    if state not in _STALE:
        return ()
    what = f"the lock of overlay {overlay.name} {_STALE[state]}"
    return (Fault(what, shown(found.path), f"write it anew with `{locks(overlay)}`"),)


def overlay_state(
    site: SiteSpec,
    spec: OverlaySpec,
    base: Base,
    lock: Lock | None,
    reach: Reach | None = None,
) -> LockState:
    """How an overlay's lock stands to its spec and to what is below it.

    `reach` is what may be read for it, None: all.
    """
    if lock is None:
        return LockState.MISSING
    if lock.base is None or lock.base.closure != base.closure:
        return LockState.OTHER_BASE
    folder = os.path.dirname(overlay_lock_path(spec))
    fresh = (
        lock.inputs == overlay_inputs(site, spec, base)
        and (reach is not None or is_as_locked(spec.requires, lock, folder=folder))
        and not declares_otherwise(lock, folder, reach)
    )
    return LockState.FRESH if fresh else LockState.STALE


def declares_otherwise(lock: Lock, folder: str, reach: Reach | None) -> tuple[Outdated, ...]:
    """The editable projects of a lock in `folder` that declare other metadata now."""
    if reach is None:
        return outdated_editables(lock, folder)
    if reach.user is None:
        return ()
    return outdated_editables(lock, folder, owner=reach.owner, user=reach.user)
