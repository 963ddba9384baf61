"""Whether a tree could be built from a lock: no two projects may install one file differently."""

from collections.abc import Iterable, Iterator
from functools import partial

from envc.check import collisions, layer_collisions
from envc.errors import EnvcError, SpecError
from envc.host.context import Context
from envc.index import WheelFiles
from envc.lock import select_wheels, with_absolute_paths
from envc.model.lock import Lock, LockedWheel
from envc.model.wheel import WheelContents
from envc.sites.site import Site
from envc.store.contents import read_contents


def said_of_collisions(
    site: Site, name: str, lock: Lock, folder: str, context: Context
) -> Iterator[str]:
    """What to tell of a layer's or an overlay's lock in `folder`, each once.

    Only wheels that are at hand are looked into, in a folder or in the cache: no network is asked.
    """
    placed = with_absolute_paths(lock, folder)
    told: dict[str, None] = {}
    for target in site.spec.targets:
        try:
            wheels = [wheel for _, wheel in select_wheels(placed, target)]
        except SpecError:
            continue  # that a project has no wheel for a target is told elsewhere
        own = list(_at_hand(site, wheels, context))
        if site.spec.layer(name) is None:
            told |= {
                f"overlay {name} cannot be built: {what}; take {first} or {second} out of it, or "
                "pin a release without this file": None
                for first, second, what in collisions(own)
            }
        else:
            told |= {
                f"layer {name} cannot be built: {finding.message}; {finding.mend}": None
                for finding in layer_collisions(name, site.spec.file, own)
            }
    yield from told


def _at_hand(
    site: Site, wheels: Iterable[LockedWheel], context: Context
) -> Iterator[WheelContents]:
    with WheelFiles(cache=context.cache, offline=True) as files:
        for wheel in wheels:
            try:
                parse = partial(read_contents, wheel=wheel, python=site.spec.core.python)
                yield files.read(wheel, parse).value
            except EnvcError:
                continue  # whoever installs it says what is wrong with it
