"""An overlay on an environment that envc did not build: a site that has no layer but that."""

from envc.model.inventory import Inventory
from envc.model.names import OVERLAY_SPEC
from envc.model.spec import CoreSpec, SiteSpec
from envc.model.target import Machine
from envc.sites.inventory import inventory_beside
from envc.sites.site import Site


def site_beside(folder: str) -> Site:
    """The site of the overlay in a folder, of the inventory that stands there.

    Raises:
        UsageError, SpecError: there is none that can be read.
    """
    return site_of_described(inventory_beside(folder), folder)


def site_of_described(inventory: Inventory, folder: str) -> Site:
    """The site of an overlay in a folder: this machine, and the index that is meant here."""
    machine = Machine(
        interpreter=inventory.interpreter,
        python_full=inventory.python_full,
        platform=inventory.platform,
        libc=inventory.libc,
    )
    spec = SiteSpec(
        name="described",
        file=f"{folder}/{OVERLAY_SPEC}",
        core=CoreSpec(python=inventory.core, interpreter=inventory.interpreter),
        targets=(machine.target("base"),),
        names_targets=False,
        layers=(),
    )
    return Site(folder, OVERLAY_SPEC, b"", spec, folder, inventory.interpreter)
