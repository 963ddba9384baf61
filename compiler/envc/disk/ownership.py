"""Whose a folder is, and whether somebody else could put something of theirs in its place."""

import os
import stat
from contextlib import suppress

from envc.errors import UsageError


def refuse_foreign(folder: str) -> None:
    """Refuse to write where somebody else owns the folder; one that is not there is nobody's.

    Raises:
        UsageError: the folder belongs to another user.
    """
    try:
        owner = os.stat(folder).st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise UsageError(
            f"the folder belongs to user {owner}, and envc runs as user {os.geteuid()}",
            where=folder,
            mend="run envc as its owner, or choose another folder",
        )


def refuse_exposed(folder: str) -> None:
    """Refuse a folder that somebody else could replace: they could run code as its owner.

    Raises:
        UsageError: the folder or a parent is writable by others, and not sticky.
    """
    while True:
        with suppress(FileNotFoundError):
            mode = os.stat(folder).st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise UsageError(
                    "everybody may write to this folder, and so could replace what is in it",
                    where=folder,
                    mend=f"take that right away (chmod o-w {folder}), or choose another folder",
                )
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent
