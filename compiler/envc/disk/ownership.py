"""Whose a path is, and who else could put something of his in its place.

A path is looked at from the root down, links followed. What has been found to be changeable by
nobody else stays so: from there on the path leads where it led, whoever looks after us.
"""

import os
import stat
import struct
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from envc.disk.sights import holds_until
from envc.errors import Fault, UsageError, shell_word

_MOST_LINKS = 40
_ACL = "system.posix_acl_access"
# Tags of entries, and the right to write (acl(5), linux/posix_acl_xattr.h).
_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP, _ACL_MASK, _ACL_WRITE = 0x02, 0x04, 0x08, 0x10, 2
_CHOOSE = "or choose another folder"


def name_of_user(number: int) -> str:
    """The name of a user; the number of one that the machine has no name for."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def number_of_user(name: str) -> int | None:
    """The number of a user by a name that `name_of_user` tells; None: there is no such user."""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return int(name) if name.isascii() and name.isdigit() else None


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


def refuse_led_away(folder: str, owners: Collection[int]) -> None:
    """Refuse to work in a folder that is a link or of others; one that is not there is nobody's.

    Who may write beside it would choose what is written and removed: root's own, elsewhere.

    Raises:
        UsageError: something else than a folder stands there, or it is none of these owners', nor
            root's or the caller's.
    """
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        what = "it is a link, which can lead anywhere" if os.path.islink(folder) else "no folder"
        raise UsageError(what, where=folder, mend="remove it, and put a folder there")
    if status.st_uid not in {0, os.geteuid(), *owners}:
        raise UsageError.of([_of_stranger(folder, status.st_uid).fault])


def refuse_exposed(folder: str, owners: Collection[int] = ()) -> None:
    """Refuse a folder that somebody else could change or replace: he could run code as the caller.

    Trusted are root, the caller, and those `owners` whom the caller or root has named.

    Raises:
        UsageError: the folder, or one on the way to it, is not theirs, or others may write there.
    """
    fault = exposure(folder, owners)
    if fault is not None:
        raise UsageError.of([fault])


def exposure(folder: str, owners: Collection[int] = ()) -> Fault | None:
    """Who else could change or replace a folder, and the mend; None: nobody (`exposed`)."""
    found = exposed(folder, owners)
    return found.fault if found is not None else None


@cache
def is_left_alone(path: str) -> bool:
    """Whether a file of configuration is there that others could change: nobody shall read it.

    It is warned, once. HOME may be somebody else's, as sudo may leave it.
    """
    fault = exposure(path) if os.path.exists(path) else None
    if fault is not None:
        from envc.ports import REPORTER

        REPORTER.get().warn(f"{path} is not read: {fault.where}: {fault.what}")
    return fault is not None


def configuration_folder(environ: Mapping[str, str]) -> str:
    """The folder in which a person's programs have their configuration."""
    return environ.get("XDG_CONFIG_HOME") or f"{home_folder(environ)}/.config"


def home_folder(environ: Mapping[str, str]) -> str:
    """The folder that HOME names, else the person's own."""
    return environ.get("HOME") or os.path.expanduser("~")


class Exposed(NamedTuple):
    """Who could change a path (`user bob`, `group staff`, `everybody`), where, and the mend."""

    who: str
    fault: Fault


def exposed(
    folder: str, owners: Collection[int] = (), *, may_be_made: bool = False
) -> Exposed | None:
    """Who else could change or replace a folder, or a file; None: nobody.

    What is not there is nobody's; with `may_be_made` it is theirs who could make it. A folder that
    all may write to, and that is sticky, protects what these owners have in it; what it holds
    itself may be anybody's.
    """
    trusted = frozenset({0, os.geteuid(), *owners})
    shared_by: Exposed | None = None
    for place, status in _way(folder):
        if stat.S_ISLNK(status.st_mode):
            if shared_by is not None and status.st_uid not in trusted:
                return _of_stranger(place, status.st_uid)
            continue
        if status.st_uid not in trusted:
            return _of_stranger(place, status.st_uid)
        shared_by = _shared(place, status, trusted)
        if shared_by is not None and not status.st_mode & stat.S_ISVTX:
            return shared_by
    return shared_by if may_be_made or os.path.exists(folder) else None


def _way(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every folder and link on the way from the root to a path, and the path itself.

    It ends where something is not there.
    """
    yield "/", os.lstat("/")
    here, names, links = "/", os.path.abspath(path).split("/")[::-1], 0
    while names:
        name = names.pop()
        if name == os.pardir:
            here = os.path.dirname(here)
        if name in {"", os.curdir, os.pardir}:
            continue
        place = os.path.join(here, name)
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return
        yield place, status
        if not stat.S_ISLNK(status.st_mode):
            here = place
            continue
        links += 1
        if links > _MOST_LINKS:
            raise UsageError("too many links on the way", where=path, mend=_CHOOSE)
        leads = os.readlink(place)
        here = "/" if leads.startswith("/") else here
        names += leads.split("/")[::-1]


def _of_stranger(place: str, owner: int) -> Exposed:
    if owner == _unmapped_user():
        fault = Fault(
            "nobody can tell whose this is: its owner has no number here",
            where=place,
            mend=f"map its owner in this container or export, {_CHOOSE}",
        )
        return Exposed("an unknown user", fault)
    name = f"user {name_of_user(owner)}"
    fault = Fault(
        f"it belongs to {name}, who could change what is in it",
        where=place,
        mend=f"have it given to whoever runs envc (chown), {_CHOOSE}",
    )
    return Exposed(name, fault)


def _shared(place: str, status: os.stat_result, trusted: frozenset[int]) -> Exposed | None:
    """Who else may write to a folder, and how to take that right away."""
    if status.st_mode & stat.S_IWOTH:
        return _replaceable("everybody", place, f"chmod o-w {shell_word(place)}")
    if not status.st_mode & stat.S_IWGRP:
        return None  # with an access list, this bit says what the list may give
    listed = _access_list(place)
    for tag, number in listed if listed is not None else [(_ACL_GROUP_OBJ, 0)]:
        if tag == _ACL_USER and number not in trusted:
            who = f"user {name_of_user(number)}"
            return _replaceable(who, place, f"setfacl -x u:{number} {shell_word(place)}")
        group = status.st_gid if tag == _ACL_GROUP_OBJ else number
        if tag != _ACL_USER and not _is_private(group, trusted):
            who = f"everybody in group {_group_name(group)}"
            change = "chmod g-w" if tag == _ACL_GROUP_OBJ else f"setfacl -x g:{number}"
            return _replaceable(who, place, f"{change} {shell_word(place)}")
    return None


def _replaceable(who: str, place: str, command: str) -> Exposed:
    could = "replace what is in it" if os.path.isdir(place) else "change it"
    kind = "folder" if os.path.isdir(place) else "file"
    fault = Fault(
        f"{who} may write to this {kind}, and so could {could}",
        where=place,
        mend=f"take that right away ({command}), {_CHOOSE}",
    )
    return Exposed(who, fault)


def _access_list(place: str) -> list[tuple[int, int]] | None:
    """Tag and number of each entry that may write; None: the folder has no access list."""
    try:
        content = os.getxattr(place, _ACL)
    except OSError:
        return None
    holds_until(0)  # no look at the folder tells when the list changes
    entries = list(struct.iter_unpack("<HHI", content[4:]))
    mask = next((rights for tag, rights, _ in entries if tag == _ACL_MASK), _ACL_WRITE)
    named = {_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP}
    return [(tag, n) for tag, rights, n in entries if tag in named and rights & mask & _ACL_WRITE]


@cache
def _is_private(group: int, trusted: frozenset[int]) -> bool:
    """Whether a group is that of one trusted user alone: of his name, with no other member."""
    import grp  # few folders may be written to by their group
    import pwd

    try:
        names = {pwd.getpwuid(uid).pw_name for uid in trusted}
        found = grp.getgrgid(group)
    except KeyError:
        return group in trusted
    return found.gr_name in names and set(found.gr_mem) <= names


@cache
def _unmapped_user() -> int:
    try:
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return -1


def _group_name(group: int) -> str:
    import grp  # for messages

    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
