"""What stands in a folder, held against the table of names: whose it is, and what goes with it."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from envc.errors import UsageError
from envc.model.manifest import parents_of
from envc.model.names import HARMLESS_NAMES, Kind, Name, Order
from envc.target.directory import Directory

_SHOWN = 3
_ORDER: tuple[Order, ...] = ("first", "then", "last")

# A relative path, and the row of the table that it is; None: it is nobody's that envc knows.
Standing = tuple[str, Name | None]


def standing(directory: Directory, folder: str = "") -> Iterator[Standing]:
    """Every path of a folder, in order of name, down to where the table names it.

    Raises:
        OSError: it cannot be listed.
    """
    for name in sorted(os.listdir(f"{directory.path}/{folder}")):
        path = f"{folder}/{name}".lstrip("/")
        kind, leads = _kind_at(f"{directory.path}/{path}")
        row = next((each for each in directory.names if each.fits(path, kind, leads)), None)
        if row is None and kind == "folder" and any(n.stands_in(path) for n in directory.names):
            yield from standing(directory, path)
        else:
            yield path, row


def _kind_at(path: str) -> tuple[Kind, str]:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return "link", os.readlink(path)
    return ("folder" if stat.S_ISDIR(mode) else "file"), ""


def is_recorded(directory: Directory) -> bool:
    """Whether envc has published something here."""
    folders = map(directory.generation, directory.numbers())
    return any(os.path.lexists(f"{folder}/manifest.json") for folder in folders)


def is_begun(directory: Directory) -> bool:
    """Whether envc has published something here; or begun to, and nothing else stands here.

    Raises:
        OSError: it cannot be listed.
    """
    if is_recorded(directory):
        return True
    if not os.path.isdir(directory.path) or strangers_in(directory):
        return False
    return not HARMLESS_NAMES.issuperset(os.listdir(directory.path))


def strangers_in(directory: Directory) -> list[str]:
    """What makes a folder another than a target; none where it is empty, or envc began here.

    A folder in which something was published is a target, whatever else people put there.

    Raises:
        OSError: it cannot be listed.
    """
    if not os.path.lexists(directory.path) or is_recorded(directory):
        return []
    is_locked = any(map(os.path.lexists, (directory.lock, directory.store_lock)))
    return [
        path
        for path, row in standing(directory)
        if path.partition("/")[0] not in HARMLESS_NAMES
        and (row is None or not (is_locked or row.early))
    ]


def refuse_other_folder(directory: Directory) -> None:
    """Refuse to make a target of a folder that holds something else, or where nothing can run.

    Raises:
        UsageError: it does, it is no folder, or it is mounted noexec.
    """
    mend = "name an empty folder, or a target, with --target DIR"
    try:
        strangers = strangers_in(directory)
    except NotADirectoryError:
        raise UsageError("this is no folder", where=directory.path, mend=mend) from None
    if strangers:
        more = len(strangers) - _SHOWN
        named = ", ".join(strangers[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        raise UsageError(
            f"this folder is no target, and not empty: it holds {named}",
            where=directory.path,
            mend=mend,
        )
    if os.statvfs(_present(directory.path)).f_flag & os.ST_NOEXEC:
        raise UsageError(
            "this is mounted noexec: nothing that is built here could run",
            where=directory.path,
            mend="mount it without noexec, or name another folder with --target DIR",
        )


def _present(path: str) -> str:
    """The path, or the nearest folder above it that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def removal_order(directory: Directory) -> list[str]:
    """The paths that are envc's, in the order in which they go.

    Raises:
        OSError: the folder cannot be listed.
    """
    rows = [(path, row) for path, row in standing(directory) if row is not None]
    return [path for order in _ORDER for path, row in rows if row.goes == order]


def remove_empty_folders(directory: Directory, folder: str = "") -> None:
    """Remove what a killed run may have left: folders of envc's names in which nothing stands.

    Raises:
        OSError: one cannot be listed.
    """
    for name in os.listdir(f"{directory.path}/{folder}"):
        path = f"{folder}/{name}".lstrip("/")
        kind, _ = _kind_at(f"{directory.path}/{path}")
        if kind == "folder" and any(each.stands_in(path) for each in directory.names):
            remove_empty_folders(directory, path)
            with suppress(OSError):
                os.rmdir(f"{directory.path}/{path}")


def remove_path(directory: Directory, path: str) -> None:
    """Remove what stands at a path of a folder, and what it leaves empty of the folders above.

    Raises:
        OSError: the disk refused.
    """
    place = f"{directory.path}/{path}"
    if os.path.islink(place) or not os.path.isdir(place):
        os.unlink(place)
    else:
        import shutil  # most commands remove nothing

        os.chmod(place, 0o755)  # published generations are read-only
        shutil.rmtree(place)
    for folder in reversed(parents_of([path])):
        with suppress(OSError):
            os.rmdir(f"{directory.path}/{folder}")
