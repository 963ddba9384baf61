"""Whether an environment is as it was described: by the times of its folders, then by names."""

import os

from envc.described.told import TOLD, names_digest
from envc.disk.sights import times_of
from envc.formats.stack_text import DescribedRecord
from envc.model.inventory import Inventory

_MOST_SAID = 8


def is_as_described(inventory: Inventory) -> bool:
    """Whether every folder has the time that it had."""
    return all(_seconds(each.path) == each.mtime_seconds for each in inventory.folders)


def changed_since(described: DescribedRecord, *, by_time: bool = False) -> bool:
    """Whether a folder is gone, or a distribution or start-up file in it came or went.

    `by_time`: or anything else at its top.
    """
    if _seconds(described.folder) == described.mtime_seconds:
        return False
    return by_time or unlike(described.folder, described.names)


def unlike(folder: str, names: str) -> bool:
    """Whether a folder is gone, or has other names of metadata and start-up files than these."""
    present = _names(folder)
    return present is None or names_digest(present) != names


def said_of_all(inventory: Inventory) -> str:
    """What has changed in an environment since it was described; empty: nothing."""
    changed = (
        each
        for each in inventory.folders
        if changed_since(DescribedRecord(each.path, each.mtime_seconds, each.names, warns=False))
    )
    told = "; ".join(said_of_changes(inventory, each.path) for each in changed)
    return f"the base has changed: {told}" if told else ""


def said_of_changes(inventory: Inventory, folder: str) -> str:
    """What came and went in a changed folder."""
    present = _names(folder)
    if present is None:
        return f"{folder} is not there"
    numbers = {n for n, each in enumerate(inventory.folders) if each.path == folder}
    before = {each.metadata for each in inventory.distributions if each.folder in numbers}
    gone = sorted(before - present)
    new = sorted(name for name in present - before if name.endswith((".dist-info", ".egg-info")))
    told = [*(f"gone: {name}" for name in gone), *(f"new: {name}" for name in new)]
    if len(told) > _MOST_SAID:
        told = [*told[:_MOST_SAID], f"and {len(told) - _MOST_SAID} more"]
    return f"{folder}: {', '.join(told) or 'other start-up files'}"


def _names(path: str) -> set[str] | None:
    try:
        return {name for name in os.listdir(path) if name.endswith(TOLD)}
    except OSError:
        return None


def _seconds(path: str) -> int | None:
    try:
        return int(times_of(path).st_mtime)
    except OSError:
        return None
