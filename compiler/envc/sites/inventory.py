"""What an overlay stands on that is on an environment which envc did not build: its inventory.

DIR/overlay.toml    on = { python = …, paths = […], modules = […] }
DIR/base.json       the inventory of it that the overlay's lock was made on
"""

import os

from envc.disk.digests import bytes_of
from envc.errors import UsageError, shell_word
from envc.formats.inventory import inventory_from_json
from envc.lock import Base, closure_digest, shared_packages
from envc.lock.described import constraints_of, facts_of, kept_of, protected, protection
from envc.model.inventory import Inventory
from envc.model.names import DESCRIBED, INVENTORY_FILE
from envc.model.spec import OverlaySpec
from envc.sites.place import MOST_OF_A_LOCK, shown


def inventory_beside(folder: str) -> Inventory:
    """The inventory beside an overlay's spec.

    Raises:
        UsageError: there is none.
        SpecError: it is none.
    """
    path = f"{folder}/{INVENTORY_FILE}"
    try:
        return inventory_from_json(bytes_of(path, MOST_OF_A_LOCK), shown(path))
    except OSError as error:
        raise UsageError(
            f"what the overlay's base holds cannot be read: {error.strerror}",
            where=shown(path),
            mend=f"describe it anew with `envc overlay sync --dir {shell_word(folder)}`",
        ) from error


def base_of_described(overlay: OverlaySpec, inventory: Inventory) -> Base:
    """What stands on an environment: its compiled projects are held, but for those named."""
    held = protected(inventory, overlay.replace)
    return Base(
        layer=DESCRIBED,
        closure=closure_digest(inventory.core, inventory.digest(), None),
        inventory=inventory,
        kept=kept_of(inventory),
        constraints=(*constraints_of(inventory), *protection(inventory, held)),
        together=shared_packages(facts_of(each, inventory.core) for each in inventory.visible()),
    )


def base_beside(overlay: OverlaySpec) -> Base:
    """The same, of the inventory that stands beside an overlay's spec.

    Raises:
        UsageError, SpecError: there is none that can be read.
    """
    folder = os.path.dirname(os.path.abspath(overlay.file))
    return base_of_described(overlay, inventory_beside(folder))
