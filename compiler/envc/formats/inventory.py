"""An inventory as a file: JSON with sorted keys, one field a line, fit for git."""

from envc.formats.record_file import RecordFile
from envc.model.inventory import INVENTORY_FORMAT, Inventory

_FILE = RecordFile(
    kind=Inventory,
    name="description of an environment",
    number=INVENTORY_FORMAT,
    mend="write it anew with `envc describe`, or `envc overlay sync`",
    layout={"sort_keys": True, "separators": (",", ": "), "ensure_ascii": False, "indent": 0},
)
inventory_to_json = _FILE.to_json


def inventory_from_json(text: bytes, file: str) -> Inventory:
    """The inventory that a file holds.

    Raises:
        SpecError: it holds none, or one of another format.
    """
    found: Inventory = _FILE.from_json(text, file)
    folders = range(len(found.folders))
    visible = {each.project for each in found.visible()}
    places = [each.folder for each in found.distributions]
    places += [each.folder for each in found.unowned]
    if not set(places) <= set(folders):
        raise _FILE.refused("it speaks of a folder that it does not have", file, "distributions")
    if any(each.project not in visible for each in found.unmet):
        raise _FILE.refused("it speaks of a project that it does not have", file, "unmet")
    if len(visible) < len(found.visible()):
        raise _FILE.refused("it has a project twice that is no double", file, "distributions")
    return found
