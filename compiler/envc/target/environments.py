"""Whether a node has the environments that the inventories of its layers tell of.

Nothing of them is written, linked or run but the interpreter, of which its version is asked.
"""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from envc.described.identity import changed_since, said_of_changes, unlike
from envc.disk.digests import bytes_of
from envc.disk.ownership import refuse_exposed
from envc.errors import AnswerIsNo, EnvcError, Fault, shell_word
from envc.formats.inventory import inventory_from_json
from envc.formats.stack_text import DescribedRecord, described_records
from envc.host.machine import machine_of
from envc.model.generation import Generation
from envc.model.inventory import Inventory
from envc.model.manifest import Difference, DifferenceKind
from envc.target.base_state import stack_text
from envc.target.directory import Directory


def refuse_other_environments(inventories: Iterable[tuple[str, bytes]]) -> None:
    """Refuse to go on where an environment is not what an inventory (file name, bytes) tells.

    Raises:
        AnswerIsNo: with all that differs.
        SpecError: it is no inventory.
    """
    faults: list[Fault] = []
    for name, text in inventories:
        inventory = inventory_from_json(text, name)
        faults += _faults(
            inventory,
            f"what {name} describes",
            "bring that environment here; or describe the one that is here (`envc describe "
            f"{shell_word(inventory.python)} -o {shell_word(name)}`), lock, and materialize that",
        )
    if faults:
        raise AnswerIsNo.of(faults)


def refuse_other_environment(inventory: Inventory, target: str) -> None:
    """Refuse to build on a target whose environment is not what its site's inventory tells.

    Raises:
        AnswerIsNo: with all that differs.
    """
    faults = _faults(
        inventory,
        f"what the layers in {target} were compiled for",
        "the administrator describes it anew (`envc describe`), locks, and materializes; with "
        'changed-base = "warn" the overlay is built nevertheless',
    )
    if faults:
        raise AnswerIsNo.of(faults)


def _faults(inventory: Inventory, wanted: str, mend: str) -> list[Fault]:
    """All that this node has otherwise than an inventory tells."""
    return [
        Fault(f"this node has not {wanted}: {what}", where=inventory.python, mend=mend)
        for what in differences(inventory)
    ]


def changed_below(tree: str, python: str) -> str:
    """The folders of environments below a tree that are not as they were, in one word each.

    Raises:
        OutsideError: what the tree stands on cannot be read.
    """
    return " ".join(each.folder for each in _changed(tree, python))


def refuse_changed(tree: str, python: str, bases: Iterable[str], *, who: str, mend: str) -> str:
    """Refuse to run a tree on an environment that has changed; what to tell where it lets that.

    `bases` are the trees below it. Empty: nothing has changed.

    Raises:
        AnswerIsNo: it has, or is not there.
    """
    changed = _changed(tree, python)
    if not changed:
        return ""
    places = [tree, *bases]
    told = "; ".join(_said(each.folder, places) for each in changed)
    what = f"the base of {who} has changed: {told}"
    if all(each.warns for each in changed):
        return f"{what}; {mend}"
    raise AnswerIsNo(what, where=tree, mend=mend)


def who_mends(directory: Directory, current: Generation) -> str:
    """What is to be done where the environment below a target or an overlay has changed."""
    if directory.is_overlay and not current.site:
        sync = f"`envc overlay sync --dir {shell_word(directory.path)}`"
        return f"{sync} compiles it for what is there"
    return "its administrator describes it anew (`envc describe`), locks, and materializes"


def differences_from_described(directory: Directory, current: Generation) -> list[Difference]:
    """The folders of environments below a generation that are not as they were described."""
    found: dict[str, DifferenceKind] = {}
    for layer in current.layers:
        with suppress(EnvcError):  # a tree whose data cannot be read is told as such
            tree = directory.tree(current.generation, layer)
            for each in described_records(stack_text(tree, current.python)):
                if unlike(each.folder, each.names):
                    found[each.folder] = "changed" if os.path.isdir(each.folder) else "missing"
    return [Difference(path, kind) for path, kind in sorted(found.items())]


def _changed(tree: str, python: str) -> list[DescribedRecord]:
    return [each for each in described_records(stack_text(tree, python)) if changed_since(each)]


def _said(folder: str, trees: Iterable[str]) -> str:
    """What came and went in a folder, by the inventories that trees were built with."""
    for tree in map(os.path.realpath, trees):
        for place in (f"{tree}/site", f"{os.path.dirname(tree)}/site"):
            for path in sorted(glob.glob(f"{glob.escape(place)}/*.json")):
                with suppress(EnvcError, OSError):
                    inventory = inventory_from_json(bytes_of(path), path)
                    if folder in (each.path for each in inventory.folders):
                        return said_of_changes(inventory, folder)
    return folder


def differences(inventory: Inventory) -> Iterator[str]:
    """What this node has otherwise: its interpreter, or folder by folder what came and went.

    The times of the folders do not count: copies and images may have others.
    """
    if inventory.known() == "versions":
        yield "it was described by a list of versions, and nothing tells whether this is that"
        return
    yield from _of_interpreter(inventory)
    for folder in inventory.folders:
        if unlike(folder.path, folder.names):
            yield said_of_changes(inventory, folder.path)


def _of_interpreter(inventory: Inventory) -> Iterator[str]:
    python = inventory.interpreter
    if not os.access(python, os.X_OK):
        yield f"{python} is not there"
        return
    try:
        refuse_exposed(python, (os.stat(python).st_uid,))
        found = machine_of(python)
    except EnvcError as error:
        yield f"{error.faults[0].where or python}: {error.faults[0].what}"
        return
    if found.python_full != inventory.python_full:
        yield f"{python} is Python {found.python_full} instead of {inventory.python_full}"
    if found.platform != inventory.platform:
        yield f"the machine is {found.platform} instead of {inventory.platform}"
