"""`envc describe`: the inventory of an environment that envc did not build."""

import os
import sys

from envc.described.ask import asked_of, described_by, described_in
from envc.described.images import described_image, head_of, is_image
from envc.described.versions import is_list
from envc.disk.durable import doing, write_file
from envc.errors import UsageError, shell_word
from envc.formats.inventory import inventory_to_json
from envc.model.inventory import Inventory


def describe(what: str | None, python: str | None = None) -> Inventory:
    """What an interpreter, a prefix, folders, an image or a file tells; None: this shell's python3.

    `python` is the interpreter that is meant in an image, or the Python that a list is of.

    Raises:
        UsageError: there is no such thing, or it is not to be run.
    """
    if python is not None and what is None:
        raise UsageError(
            "--python names the interpreter in an image, and none is named",
            mend=f"write `envc describe IMAGE --python {shell_word(python)}`; "
            f"or `envc describe {shell_word(python)}`, where it stands on this machine",
        )
    if what is not None and is_image(what):
        return described_image(what, python)
    is_told = what is not None and os.path.isfile(what) and not os.access(what, os.X_OK)
    if what is not None and is_told and (python is None or is_list(head_of(what))):
        return described_in(what, python)
    if what is not None and python is not None:
        return described_image(what, python)
    asked = asked_of(what, os.environ)
    return described_by(asked.python, asked.paths, is_named=asked.is_named)


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
