"""A site, or an overlay by itself, as it is on another state of an environment: its inventory."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from envc.disk.digests import bytes_of
from envc.disk.durable import doing
from envc.errors import UsageError
from envc.formats.inventory import inventory_from_json
from envc.model.inventory import Inventory
from envc.model.names import INVENTORY_FILE
from envc.sites.described import site_beside
from envc.sites.inventory import inventory_of_layer
from envc.sites.place import MOST_OF_A_LOCK, shown
from envc.sites.site import Site, load_site

# Where the spec of an overlay is in the other state; None: it is not there.
Placed = Callable[[str], str | None]


@contextmanager
def with_inventory(site: Site, file: str) -> Iterator[tuple[Site, Placed]]:
    """The site with the inventory in `file` in the place of its own of that environment.

    All else is as it is; overlays in the site are the same files, one by itself is a copy.

    Raises:
        UsageError: the file cannot be read, or it is not clear which layer it tells of.
        SpecError: it holds no inventory.
    """
    with doing("read the inventory", file):
        text = bytes_of(file, MOST_OF_A_LOCK)
    name = _place(site, os.path.basename(file), inventory_from_json(text, shown(file)))
    with tempfile.TemporaryDirectory(prefix="envc-check-", ignore_cleanup_errors=True) as folder:
        beside = {site.spec_name, *site.names_beside()}
        if not site.spec.layers:
            beside |= {each for each in os.listdir(site.folder) if each.startswith("pylock.")}
        with doing("copy the files of the site", folder):
            for each in beside - {name}:
                if os.path.exists(f"{site.folder}/{each}"):
                    shutil.copyfile(f"{site.folder}/{each}", f"{folder}/{each}")
            with open(f"{folder}/{name}", "wb") as copy:
                copy.write(text)
        if site.spec.layers:
            origin, here = site.origin, site.interpreter
            yield load_site(folder, site.spec_name, origin=origin, interpreter=here), str
        else:
            yield site_beside(folder), lambda path: f"{folder}/{os.path.basename(path)}"


def _place(site: Site, name: str, inventory: Inventory) -> str:
    """The name of the file that the other inventory stands for."""
    if not site.spec.layers:
        return INVENTORY_FILE
    layers = [(each.name, each.described) for each in site.spec.layers if each.described]
    known = {described.file: layer for layer, described in layers}
    if name in known:
        return name
    alike = [
        described.file
        for layer, described in layers
        if len(layers) == 1
        or inventory_of_layer(layer, described, site.folder).python == inventory.python
    ]
    if len(alike) == 1:
        return alike[0]
    raise UsageError(
        f"which layer of site {site.spec.name} this describes is not clear"
        if known
        else f"site {site.spec.name} has no described layer",
        where=shown(name),
        mend=f"call it as the layer's own file: {', '.join(sorted(known))}"
        if known
        else "name a folder with a site, or a revision such as origin/main",
    )
