"""What a target need not keep: old generations, and trees of the store that none is linked from.

Order matters for a kill at any instant: names are taken away before what they name, a generation
before the trees it was linked from, and everything goes through `trash`, which the next run
empties.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from envc.disk.durable import make_folder, sync_directory
from envc.disk.locks import is_held
from envc.errors import OutsideError
from envc.model.generation import Generation, generation_name
from envc.model.value import value
from envc.target.directory import Directory
from envc.target.publish import remove_tree

Reason = Literal["current", "newest", "young", "pinned", "in use", "wanted"]


@value(kw_only=True)
class Keeping:
    """What to keep beside the current generation: the newest, the young, the pinned, the wanted."""

    newest: int
    younger_than_seconds: float
    now_seconds: float
    pinned: frozenset[int]
    wanted: frozenset[int]


def kept_generations(directory: Directory, keeping: Keeping) -> dict[int, Reason | None]:
    """Every generation's number → why it is kept, None for those that may go.

    Raises:
        OutsideError: it cannot be told whether a generation is in use.
    """
    numbers = directory.numbers()
    newest = set(numbers[-keeping.newest :]) if keeping.newest else set()
    current = directory.current_number()
    return {number: _reason(directory, number, current, newest, keeping) for number in numbers}


def _reason(
    directory: Directory, number: int, current: int | None, newest: set[int], keeping: Keeping
) -> Reason | None:
    if number == current:
        return "current"
    if number in keeping.pinned:
        return "pinned"
    if number in newest:
        return "newest"
    folder = directory.generation(number)
    try:
        if keeping.now_seconds - os.stat(folder).st_mtime < keeping.younger_than_seconds:
            return "young"
        used = is_held(f"{folder}/.lease")
    except OSError as error:
        raise OutsideError(
            f"whether generation {number} is in use cannot be told: {error.strerror}",
            where=folder,
            mend="make it readable, then run gc again; nothing was removed",
        ) from error
    if used:
        return "in use"
    return "wanted" if number in keeping.wanted else None


def remove_generations(directory: Directory, numbers: Iterable[int]) -> None:
    """Take these generations away, names first; one that came into use meanwhile stays."""
    for number in numbers:
        folder = directory.generation(number)
        if is_held(f"{folder}/.lease"):
            continue
        _release_names(directory, number)
        os.chmod(folder, 0o755)
        move_to_trash(directory, folder)
        sync_directory(directory.generations)
    empty_trash(directory)


def remove_stored(directory: Directory, kept: frozenset[str]) -> list[str]:
    """Take away every stored tree that is not among `kept`; their ids, in order."""
    folder = f"{directory.store}/wheels"
    try:
        present = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    removed = [name for name in present if name not in kept]
    for name in removed:
        move_to_trash(directory, f"{folder}/{name}")
    if removed:
        sync_directory(folder)
    empty_trash(directory)
    return removed


def reachable_trees(records: Iterable[Generation]) -> frozenset[str]:
    """The stored trees that these generations are linked from."""
    return frozenset(
        store_id
        for record in records
        for layer in record.layers.values()
        for store_id in layer.store_ids()
    )


def empty_trash(directory: Directory) -> None:
    """Remove what this or an earlier run took away."""
    with suppress(FileNotFoundError):
        for name in os.listdir(directory.trash):
            remove_tree(f"{directory.trash}/{name}")


def _release_names(directory: Directory, number: int) -> None:
    """Remove the names by closure that lead to a generation."""
    folder = f"{directory.path}/by-lock"
    destination = f"../generations/{generation_name(number)}"
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if os.path.islink(path) and os.readlink(path) == destination:
            os.unlink(path)
    sync_directory(folder)


def move_to_trash(directory: Directory, path: str) -> str | None:
    """Take a folder away in one step, if it is there: where it is now. `empty_trash` removes it."""
    if not os.path.lexists(path):
        return None
    make_folder(directory.trash)
    # Never a name that a killed run has used: a folder replaces none that holds something.
    place = f"{directory.trash}/{os.path.basename(path)}.{os.urandom(6).hex()}"
    os.rename(path, place)
    return place
