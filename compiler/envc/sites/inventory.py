"""What stands on an environment that envc did not build: its inventory, as a base.

DIR/overlay.toml    on = { python = …, paths = […], modules = […] }
DIR/base.json       the inventory of it that the overlay's lock was made on

SITE/envc.toml      [layer.nv] described = { python = …, file = "base.nv.json" }
SITE/base.nv.json   the inventory that locks are made on, and nodes are held to
"""

import os
from collections.abc import Iterable
from functools import lru_cache

from packaging.utils import NormalizedName

from envc.disk.digests import bytes_of
from envc.errors import SpecError, UsageError, shell_word
from envc.formats.inventory import inventory_from_json
from envc.lock import Base, closure_digest, shared_packages
from envc.lock.described import constraints_of, facts_of, held_in, judged_as, kept_of
from envc.model.inventory import Inventory
from envc.model.names import DESCRIBED, INVENTORY_FILE
from envc.model.spec import DescribedSpec, LayerSpec, OverlaySpec, SiteSpec
from envc.model.value import replace
from envc.sites.place import MOST_OF_A_LOCK, shown

# A command reads a site's inventories several times.
_parsed = lru_cache(maxsize=8)(inventory_from_json)


def inventory_beside(folder: str) -> Inventory:
    """The inventory beside an overlay's spec.

    Raises:
        UsageError: there is none.
        SpecError: it is none.
    """
    mend = f"describe it anew with `envc overlay sync --dir {shell_word(folder)}`"
    return _inventory_at(f"{folder}/{INVENTORY_FILE}", "what the overlay's base holds", mend)


def inventory_of_layer(layer: str, described: DescribedSpec, folder: str) -> Inventory:
    """The inventory of a described layer, as it is in a folder with the site's files.

    Raises:
        UsageError: there is none.
        SpecError: it is none.
    """
    path = f"{folder}/{described.file}"
    mend = f"write it where the environment is: `{describes(described, shown(path))}`"
    return _inventory_at(path, f"what the environment of layer {layer} holds", mend)


def describes(described: DescribedSpec, path: str) -> str:
    """The command that writes an environment's inventory."""
    return f"envc describe {shell_word(described.on.python)} -o {shell_word(path)}"


def _inventory_at(path: str, what: str, mend: str) -> Inventory:
    try:
        return _parsed(bytes_of(path, MOST_OF_A_LOCK), shown(path))
    except OSError as error:
        raise UsageError(
            f"{what} cannot be read: {error.strerror}", where=shown(path), mend=mend
        ) from error


def base_of_described(overlay: OverlaySpec, inventory: Inventory) -> Base:
    """What a lone overlay stands on: it may replace the compiled projects that it names.

    Raises:
        SpecError: the environment lacks what the overlay says what it stands for.
    """
    where = f"{overlay.file} (overlay.stands-for)"
    return _base(_judged(inventory, overlay.stands_for, "the base", where))


def _base(inventory: Inventory) -> Base:
    return Base(
        layer=DESCRIBED,
        closure=closure_digest(inventory.core, inventory.digest(), None),
        inventory=inventory,
        environment=DESCRIBED,
        kept=kept_of(inventory),
        constraints=constraints_of(inventory),
        held=held_in(inventory),
        together=shared_packages(facts_of(each, inventory.core) for each in inventory.visible()),
    )


def _judged(
    inventory: Inventory, stands_for: Iterable[tuple[NormalizedName, str]], who: str, where: str
) -> Inventory:
    releases = dict(stands_for)
    strangers = sorted(releases.keys() - {each.project for each in inventory.visible()})
    if strangers:
        raise SpecError(
            f"{who} has no {', '.join(strangers)}",
            where=where,
            mend="remove the lines, or correct them",
        )
    return judged_as(inventory, releases)


def base_of_environment(
    site: SiteSpec, layer: LayerSpec, described: DescribedSpec, folder: str
) -> Base:
    """What a described layer stands on, by the inventory in a folder with the site's files.

    Raises:
        UsageError: there is none.
        SpecError: it is none, or not for this site; or it lacks what stands for something.
    """
    inventory = inventory_of_layer(layer.name, described, folder)
    if inventory.core != site.core.python:
        raise SpecError(
            f"the environment of layer {layer.name} has Python {inventory.python_full}, and the "
            f"site's core is {site.core.python}",
            where=f"{site.file} (layer.{layer.name}.described)",
            mend=f'set core.python = "{inventory.core}", or describe another environment',
        )
    where = f"{site.file} (layer.{layer.name}.stands-for)"
    who = f"the environment of layer {layer.name}"
    base = _base(_judged(inventory, described.stands_for, who, where))
    return replace(base, environment=layer.name, replaceable=frozenset(layer.replace))


def base_beside(overlay: OverlaySpec) -> Base:
    """What an overlay stands on, of the inventory that stands beside its spec.

    Raises:
        UsageError, SpecError: there is none that can be read.
    """
    folder = os.path.dirname(os.path.abspath(overlay.file))
    return base_of_described(overlay, inventory_beside(folder))
