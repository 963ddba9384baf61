"""The storage of a site's overlays: whether users can make folders of their own in it."""

import getpass
import os
import re
import stat
from contextlib import suppress

from envc.errors import EnvcError, Fault, OutsideError, UsageError, shell_word

_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)


def user_name() -> str:
    """The name of who runs this; the number of one that the machine has no name for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def expanded(storage: str, where: str) -> str:
    """The storage with its variables filled in; `where` names the key that has it.

    Raises:
        UsageError: a variable is not set, or it is no absolute path then.
    """
    names = [short or long for short, long in _VARIABLE.findall(storage)]
    unset = next((name for name in names if not os.environ.get(name)), None)
    if unset is not None:
        raise UsageError(
            f"the storage for overlays is {storage!r}, and {unset} is not set",
            where=where,
            mend=f"set {unset}, or have overlays.storage in envc.toml name a folder",
        )
    path = os.path.expandvars(storage)
    if not os.path.isabs(path):
        raise UsageError.of([_relative(storage, where)])
    return path


def _relative(storage: str, where: str) -> Fault:
    """What is wrong with one that leads elsewhere from every folder; `~` is no exception."""
    return Fault(
        f"the storage for overlays is {storage!r}, which is no absolute path",
        where,
        "have overlays.storage in envc.toml begin with / or with a variable, as in $HOME/overlays",
    )


def trouble_with(storage: str) -> Fault | None:
    """Why users cannot have overlays in a storage, and what its administrator can do about it.

    None where there is nothing to say: one that a variable tells is each user's own.
    """
    if "$" in storage:
        return None
    if not os.path.isabs(storage):
        return _relative(storage, "overlays.storage")
    try:
        trouble = _trouble(storage, os.stat(storage))
    except FileNotFoundError:
        trouble = "is not there"
    except OSError as error:
        trouble = f"cannot be looked at: {error.strerror}"
    if trouble is None:
        return None
    return Fault(f"the storage for overlays {trouble}", storage, _mend(storage, "USER"))


def _trouble(storage: str, status: os.stat_result) -> str | None:
    """What is wrong with a storage; what an access list grants shows as the group's right."""
    mode = status.st_mode
    if not stat.S_ISDIR(mode):
        return "is no folder"
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return "lets everybody replace what others have in it"
    owner_makes = status.st_uid != 0 and mode & stat.S_IWUSR
    if owner_makes or mode & (stat.S_IWOTH | stat.S_IWGRP) or _has_users(storage):
        return None
    return "lets no user make a folder in it"


def _has_users(storage: str) -> bool:
    """Whether users have been given folders there; also where nobody can tell."""
    try:
        with os.scandir(storage) as entries:
            return any(entry.stat().st_uid != 0 for entry in entries)
    except OSError:
        return True


def _given(folder: str, user: str) -> str:
    """The command that makes a folder for a user."""
    return f"install -d -o {shell_word(user)} {shell_word(folder)}"


def _mend(storage: str, user: str) -> str:
    return (
        f"have an administrator run `{_given(f'{storage}/{user}', user)}`, or "
        f"`install -d -m 1777 {shell_word(storage)}`, which lets each user make a folder"
    )


def refuse_unwritable(folder: str, storage: str | None) -> None:
    """Refuse an overlay's folder that is not there, and that this user cannot make.

    What stands in the site's `storage`, its administrator has to mend.

    Raises:
        OutsideError: the nearest folder above it takes no folder from this user.
    """
    place = folder
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if place == folder or (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)):
        return
    user = user_name()
    mend = f"choose another folder, or have it made: `{_given(folder, user)}`"
    with suppress(EnvcError):
        root = os.path.abspath(expanded(storage, "")) if storage is not None else folder
        if folder.startswith(f"{root}/"):
            mend = _mend(root, user)
    raise OutsideError(f"user {user} cannot make a folder in {place}", where=folder, mend=mend)
