"""What a target need not keep: old generations, and trees of the store that none is linked from.

Order matters for a kill at any instant: names are taken away before what they name, a generation
before the trees it was linked from, and everything goes through `trash`, which the next run
empties.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from envc.disk.durable import make_folder, sync_directory
from envc.disk.folders import names_in
from envc.errors import OutsideError
from envc.model.generation import Generation, generation_name
from envc.plan.collect import Standing
from envc.target.directory import Directory
from envc.target.leases import use_of
from envc.target.publish import remove_tree


def standing_generations(directory: Directory, now_seconds: float) -> list[Standing]:
    """Every generation of a folder, how long ago it was current, whether processes run from it.

    A generation's folder has the time when `current` left it, else when it was built.

    Raises:
        OutsideError: that cannot be told of one.
    """
    try:
        use = use_of(directory)
        return [
            Standing(
                number,
                now_seconds - os.stat(directory.generation(number)).st_mtime,
                in_use=number in use.in_use,
                hidden=use.hidden.get(number),
            )
            for number in directory.numbers()
        ]
    except OSError as error:
        raise OutsideError(
            f"whether a generation is in use cannot be told: {error.strerror}",
            where=error.filename or directory.path,
            mend="make it readable, then run gc again; nothing was removed",
        ) from error


def remove_generations(directory: Directory, numbers: Iterable[int]) -> list[int]:
    """Take these generations away, names first; those that went.

    One that came into use meanwhile stays, without the names by closure.
    """
    leaving = list(numbers)
    for number in leaving:
        _release_names(directory, number)
    in_use = use_of(directory, leaving).in_use if leaving else frozenset[int]()
    removed = [number for number in leaving if number not in in_use]
    for number in removed:
        move_to_trash(directory, directory.generation(number))
        sync_directory(directory.generations)
    empty_trash(directory)
    return removed


def remove_stored(directory: Directory, kept: frozenset[str]) -> list[str]:
    """Take away our stored trees that are not among `kept`; their ids, in order."""
    folder = f"{directory.store}/wheels"
    ours = (name for name in names_in(folder) if _is_ours(directory, f"store/wheels/{name}"))
    removed = [name for name in ours if name not in kept]
    for name in removed:
        move_to_trash(directory, f"{folder}/{name}")
    if removed:
        sync_directory(folder)
    empty_trash(directory)
    return removed


def _is_ours(directory: Directory, path: str) -> bool:
    return any(each.fits(path, "folder") for each in directory.names)


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
    for name in names_in(directory.trash):
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
    if not os.path.islink(path):
        with suppress(PermissionError):
            os.chmod(path, 0o755)  # whoever is not root moves no folder that he may not write to
    os.rename(path, place)
    return place
