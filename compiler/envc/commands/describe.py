"""`envc describe`: the inventory of an environment that envc did not build."""

import os
import sys

from envc.described.ask import described_by, described_in, interpreter_of, paths_of
from envc.disk.durable import doing, write_file
from envc.formats.inventory import inventory_to_json
from envc.model.inventory import Inventory


def describe(what: str | None) -> Inventory:
    """What an interpreter, a prefix or a file of facts tells; None: the python3 of this shell.

    Raises:
        UsageError: there is no such thing, or it is not to be run.
    """
    if what is not None and os.path.isfile(what) and not os.access(what, os.X_OK):
        return described_in(what)
    paths = paths_of(os.environ)
    is_named = what is not None and "/" in what
    return described_by(interpreter_of(what), paths, is_named=is_named)


def write_inventory(inventory: Inventory, path: str) -> None:
    """Write an inventory to a file; `-`: to stdout.

    Raises:
        OutsideError: the disk refused.
    """
    text = inventory_to_json(inventory)
    if path == "-":
        sys.stdout.write(text.decode())
        return
    with doing("write the inventory", path):
        write_file(path, text)
