"""`envc lock`: the locks of a site's layers, or of an overlay."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from envc.host.context import Context
from envc.locking.report import LockOptions
from envc.reports.lock import LockReport
from envc.sites.place import find_site


def lock(site: str | None, options: LockOptions, context: Context) -> LockReport:
    """Lock what `options` name; write what changed. `site` is the folder given, None: the nearest.

    With `check` nothing is written, and a stale lock shows as `changed`.

    Raises:
        SpecError: with every fault of a spec.
        UnsatisfiableError: a layer has no solution; nothing is written for it or above it.
    """
    with _without_collector():
        from envc.locking.lock import lock_site
        from envc.sites.site import load_site

        if site is None and options.overlay is not None:
            from envc.overlays.places import is_on_described

            folder = os.path.dirname(options.overlay)
            if folder and is_on_described(folder):
                from envc.sites.described import site_beside

                return lock_site(site_beside(folder), options, context)
        return lock_site(load_site(*find_site(site)), options, context)


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for circular garbage: locking makes next to none, and it took a twentieth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
