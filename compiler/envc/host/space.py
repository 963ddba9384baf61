"""Whether what is to be written fits: bytes and inodes of the file system and of the quota."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Sequence
from getpass import getuser
from typing import NamedTuple

from envc.disk.durable import doing
from envc.errors import OutsideError
from envc.model.manifest import parents_of
from envc.ports import Reporter

_BLOCK_BYTES = 4096
_KIBIBYTE = 1024
_GIGABYTE = 10**9
_ANSWER_SECONDS = 10
# Programs that tell a user's quota, in columns alike: kibibytes used, quota, limit and grace, then
# the same for files. Lustre has one of its own.
_QUOTA_PROGRAMS = (
    ("lfs", "quota", "-q", "-u", "{user}", "{folder}"),
    ("quota", "--no-wrap", "--raw-grace", "--user", "--filesystem={folder}"),
)
_COLUMNS = 8


class Need(NamedTuple):
    """What is about to be written, rounded up to blocks; an estimate."""

    size_bytes: int
    files: int


class Room(NamedTuple):
    """What is left somewhere; None: nobody counts it. `keeper` is who counts."""

    keeper: str
    size_bytes: int | None
    files: int | None


def need_of(wheels: Iterable[str]) -> Need:
    """What unpacking these wheels takes: a store's copy with bytecode, and folders for its links.

    A file that is no ZIP archive counts for nothing: ingest will refuse it.
    """
    size_bytes = files = 0
    for path in wheels:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
        except (OSError, zipfile.BadZipFile):
            continue
        for member in members:
            copies = 2 if member.filename.endswith(".py") else 1
            size_bytes += copies * -(-member.file_size // _BLOCK_BYTES) * _BLOCK_BYTES
            files += copies
        folders = parents_of(member.filename for member in members)
        # A folder in the store and one in the generation, and often one for bytecode in each.
        size_bytes += 4 * len(folders) * _BLOCK_BYTES
        files += 4 * len(folders)
    return Need(size_bytes, files)


def rooms_at(folder: str) -> tuple[Room, ...]:
    """What is left at a folder: of its file system, and of the user's quota where there is one.

    Raises:
        OutsideError: the file system does not answer.
    """
    found = [room_of_disk(folder)]
    user = getuser()
    for program in _QUOTA_PROGRAMS:
        answer = _ask([word.format(user=user, folder=folder) for word in program])
        room = quota_room(answer, f"the quota of {user}")
        if room is not None:
            found.append(room)
            break
    return tuple(found)


def room_of_disk(folder: str) -> Room:
    """What is left at a folder, of its file system alone.

    Raises:
        OutsideError: the file system does not answer.
    """
    with doing("ask how much room is left", folder):
        status = os.statvfs(folder)
    # A file system that makes inodes as it needs them (btrfs, many network ones) tells none.
    files = status.f_favail if status.f_files else None
    return Room("the file system", status.f_bavail * status.f_frsize, files)


def _ask(command: Sequence[str]) -> str:
    """What a program prints; empty where there is none, or none that answers."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout  # `quota` ends with 1 for a user who is over a limit


def quota_room(answer: str, keeper: str) -> Room | None:
    """What is left by the answer of a quota program; None: it tells of no limit.

    Of a soft limit and a hard one the lesser counts: a job may outlive the grace.
    Source: quota(1), lfs-quota(1)
    """
    for line in reversed(answer.splitlines()):
        words = line.split()[-_COLUMNS:]
        numbers = [word.rstrip("*") for word in words]
        if len(words) == _COLUMNS and all(numbers[i].isdigit() for i in (0, 1, 2, 4, 5, 6)):
            kibibytes = _left(numbers[0:3])
            size_bytes = None if kibibytes is None else kibibytes * _KIBIBYTE
            files = _left(numbers[4:7])
            if size_bytes is not None or files is not None:
                return Room(keeper, size_bytes, files)
    return None


def _left(numbers: Sequence[str]) -> int | None:
    """What is left of used, soft limit and hard limit; 0 for a limit means: none."""
    used, *limits = map(int, numbers)
    given = [limit for limit in limits if limit]
    return max(0, min(given) - used) if given else None


def refuse_what_cannot_fit(need: Need, folder: str, reporter: Reporter) -> None:
    """Say what is to be written and what is left, and refuse what cannot fit.

    Raises:
        OutsideError: it does not fit; nothing was written.
    """
    rooms = rooms_at(folder)
    left = "; ".join(f"{room.keeper} has {amount(room.size_bytes, room.files)}" for room in rooms)
    wanted = amount(need.size_bytes, need.files)
    reporter.note(f"about to write {wanted}; {left} left")
    for room in rooms:
        lacks_bytes = room.size_bytes is not None and need.size_bytes > room.size_bytes
        if lacks_bytes or (room.files is not None and need.files > room.files):
            raise OutsideError(
                f"it does not fit: {wanted} are needed, and {room.keeper} has "
                f"{amount(room.size_bytes, room.files)} left",
                where=folder,
                mend="free space or inodes there (`envc gc` removes old generations), ask for "
                "more, or put the overlay elsewhere with --dir",
            )


def amount(size_bytes: int | None, files: int | None) -> str:
    """`61.2 MB and 1,234 files`, as far as they are known."""
    parts = []
    if size_bytes is not None:
        gigabytes = size_bytes >= _GIGABYTE
        unit = f"{size_bytes / 1e9:,.1f} GB" if gigabytes else f"{size_bytes / 1e6:.1f} MB"
        parts.append(unit)
    if files is not None:
        parts.append(f"{files:,} files")
    return " and ".join(parts)
