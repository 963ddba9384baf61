"""The inventories of a site's described layers, before it is locked: there, or written now."""

import os

from envc.described.identity import said_of_all
from envc.described.named import described_anew, found_here
from envc.disk.durable import doing, write_file
from envc.formats.inventory import inventory_to_json
from envc.host.context import Context
from envc.locking.report import LockOptions
from envc.model.spec import DescribedSpec
from envc.sites.inventory import describes, inventory_of_layer
from envc.sites.place import shown
from envc.sites.site import Site


def have_inventories(site: Site, options: LockOptions, context: Context) -> None:
    """Have the inventory of each described layer that is to be locked; all that is written is told.

    One that stands is kept: the nodes have what it says, whatever machine locks; a person hears
    where that has something else. With `upgrade` it is written anew.

    Raises:
        UsageError: there is none, and its environment is not here; or somebody else could change
            that, or it does not run.
        SpecError: what stands there is none.
    """
    for layer in site.spec.layers:
        described = layer.described
        if described is None or (options.layers and layer.name not in options.layers):
            continue
        path = f"{site.folder}/{described.file}"
        where = f"{site.spec.file} (layer.{layer.name}.described)"
        is_there = os.path.lexists(path)
        if options.check or (is_there and not options.upgrade):
            _warn(layer.name, described, site, context)
        elif not is_there or _may_be_here(described):
            _write(path, described, where, context)


def _may_be_here(described: DescribedSpec) -> bool:
    return os.path.exists(os.path.expanduser(os.path.expandvars(described.on.python)))


def _warn(layer: str, described: DescribedSpec, site: Site, context: Context) -> None:
    """Tell where this machine has the environment, and it is not what the inventory says."""
    inventory = inventory_of_layer(layer, described, site.folder)
    if any(os.path.isdir(each.path) for each in inventory.folders):
        changed = said_of_all(inventory)
        if changed:
            path = shown(f"{site.folder}/{described.file}")
            context.reporter.warn(
                f"layer {layer} is locked as {path} says, and on this machine {changed}; "
                f"`{describes(described, path)}` describes what is here"
            )


def _write(path: str, described: DescribedSpec, where: str, context: Context) -> None:
    here = found_here(described.on, where)
    text = inventory_to_json(described_anew(here, where))
    with doing("write the inventory", path):
        write_file(path, text)
    context.reporter.note(f"described {here.python}: {shown(path)}")
