"""Folders: what is in them, walked so that nothing is missed, and removed whole."""

import os
import stat
from collections.abc import Iterator
from typing import NoReturn


def names_in(folder: str) -> list[str]:
    """The names in a folder, in order; none where there is no folder.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def walk(path: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, to which a folder that cannot be read has nothing in it.

    Raises:
        OSError: a folder cannot be read.
    """
    yield from os.walk(path, onerror=_refuse)


def _refuse(error: OSError) -> NoReturn:
    raise error


def remove_file(path: str) -> None:
    """Remove a file; a link that has taken its folder's place meanwhile is not followed.

    Raises:
        OSError: the disk refused, or a link or something else stands there.
    """
    folder, name = os.path.split(path)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.unlink(name, dir_fd=opened)
    finally:
        os.close(opened)


def remove_folder(path: str) -> None:
    """Remove a folder and all below it, the caller's own read-only folders included.

    Raises:
        OSError: the disk refused, or it is no folder.
    """
    import shutil  # most commands remove nothing

    for folder, _, _ in os.walk(path):
        mode = os.lstat(folder).st_mode
        if not mode & stat.S_IWUSR:
            os.chmod(folder, stat.S_IMODE(mode) | stat.S_IRWXU)
    shutil.rmtree(path)
