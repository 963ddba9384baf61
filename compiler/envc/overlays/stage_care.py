"""What stands on a stage: the copies of overlays, why each of them stays, and which may go."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from envc.disk.clock import utc_text
from envc.disk.durable import doing
from envc.disk.folders import names_in, remove_folder
from envc.disk.locks import try_exclusive
from envc.disk.ownership import refuse_exposed
from envc.disk.private import remove_abandoned
from envc.errors import EnvcError, UsageError
from envc.overlays.staged import STAGE, overlay_of_place, stage_root
from envc.reports.stage import StageCareReport, StagedCopy
from envc.target.directory import Directory, Shape
from envc.target.leases import use_of
from envc.target.opened import retain_of

# How a copy is called that goes, and the private folder in which one came to be.
_GOING = ".going-"
_ON_ITS_WAY = re.compile(r"(\.staging-[a-z0-9_-]+-[0-9a-f]{16}-).*")
_DAY_SECONDS = 86_400.0
# Until the job that has staged a copy starts in it.
_STARTING_SECONDS = 3_600.0


class _Copy(NamedTuple):
    """A copy: its name on the stage, its overlay's, and how long ago it was staged last."""

    place: str
    overlay: str
    age_seconds: float


def on_its_way(place: str) -> str:
    """How private folders begin beside a place, in which a copy comes to be."""
    return f".staging-{os.path.basename(place)}-"


def lock_of(root: str, overlay: str) -> str:
    """The lock that is held by who makes or removes copies of an overlay."""
    return f"{root}/.{overlay}.lock"


def staged_copies(to: str | None) -> StageCareReport:
    """The copies on a stage, and why each stays.

    Raises:
        UsageError: the stage is somebody else's.
        OutsideError: it cannot be read.
    """
    root = _own_stage(to)
    with doing("look at the stage", root):
        return StageCareReport(stage=root, copies=tuple(_told(root)), removed=())


def clean_stage(to: str | None) -> StageCareReport:
    """Remove the copies that no process runs from, and that no job is about to start in.

    Raises:
        UsageError: the stage is somebody else's.
        OutsideError: the disk refused.
    """
    root = _own_stage(to)
    with doing("clean the stage", root):
        kept = {copy.place: _held_by(root, copy) for copy in _copies(root)}
        removed = _removed(root, kept)
        return StageCareReport(stage=root, copies=tuple(_told(root)), removed=removed)


def refuse_strangers_stage(root: str) -> None:
    """Refuse a stage that is not the caller's own, or that others could change or make theirs.

    Raises:
        UsageError: it is so.
    """
    if os.path.lexists(root) and (os.path.islink(root) or os.lstat(root).st_uid != os.geteuid()):
        raise UsageError(
            "this folder for staged overlays is a symlink, or somebody else's",
            where=root,
            mend=f"name another one with --to, or in {STAGE}",
        )
    refuse_exposed(root)


def _own_stage(to: str | None) -> str:
    """The stage, which is not there yet, or the caller's own."""
    root = stage_root(to)
    if os.path.lexists(root):
        refuse_strangers_stage(root)
    return root


def remove_unused(root: str) -> None:
    """Remove the copies that nothing keeps; what cannot be removed now stays.

    Of each overlay the newest stay, as many as its site's `[retain]` says, those that were staged
    within its days.
    """
    with suppress(OSError):
        _removed(root, _reasons(root))


def _copies(root: str) -> list[_Copy]:
    """The copies on a stage, those that were staged last first."""
    now, found = time.time(), list[_Copy]()
    for place in names_in(root):
        overlay = overlay_of_place(place)
        if overlay is not None:
            age_seconds = now - os.stat(f"{root}/{place}").st_mtime
            found.append(_Copy(place, overlay, age_seconds))
    return sorted(found, key=lambda copy: copy.age_seconds)


def _held_by(root: str, copy: _Copy) -> str | None:
    """What holds a copy, whatever else may go."""
    if copy.age_seconds < _STARTING_SECONDS:
        return "staged just now"
    return "in use" if use_of(Directory(f"{root}/{copy.place}", Shape.OVERLAY)).in_use else None


def _reasons(root: str) -> dict[str, str | None]:
    """Each copy by its name → why it stays, None: it may go."""
    seen, reasons = dict[str, int](), dict[str, str | None]()
    for copy in _copies(root):
        retain = retain_of(Directory(f"{root}/{copy.place}", Shape.OVERLAY))
        seen[copy.overlay] = seen.get(copy.overlay, 0) + 1
        is_newest = seen[copy.overlay] <= retain.generations
        is_young = copy.age_seconds < retain.days * _DAY_SECONDS
        newest = "newest" if is_newest and is_young else None
        reasons[copy.place] = _held_by(root, copy) or newest
    return reasons


def _removed(root: str, kept: Mapping[str, str | None]) -> tuple[str, ...]:
    """Remove the copies that nothing keeps, and what killed runs left; their names."""
    for name in names_in(root):
        private = _ON_ITS_WAY.fullmatch(name)
        if private is not None:
            remove_abandoned(root, private[1])
        elif name.startswith(_GOING):
            remove_folder(f"{root}/{name}")
    return tuple(
        place for place, reason in kept.items() if reason is None and _is_removed(root, place)
    )


def _is_removed(root: str, place: str) -> bool:
    """Remove a copy, in one step to whoever looks for it; not while somebody stages one of it."""
    lock = try_exclusive(lock_of(root, overlay_of_place(place) or ""))
    if lock is None:
        return False
    try:
        os.rename(f"{root}/{place}", f"{root}/{_GOING}{place}")
        remove_folder(f"{root}/{_GOING}{place}")
    finally:
        os.close(lock)
    return True


def _told(root: str) -> Iterator[StagedCopy]:
    reasons, now = _reasons(root), time.time()
    for copy in _copies(root):
        directory = Directory(f"{root}/{copy.place}", Shape.OVERLAY)
        digest = None
        with suppress(EnvcError):
            current = directory.current()
            digest = current.digest if current is not None else None
        yield StagedCopy(
            name=copy.overlay,
            path=directory.path,
            generation=digest,
            staged=utc_text(now - copy.age_seconds),
            size_bytes=_size_bytes(directory.path),
            kept=reasons[copy.place],
        )


def _size_bytes(folder: str) -> int:
    """What a folder takes on the disk; of a file with several names, once."""
    sizes = dict[int, int]()
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            with suppress(OSError):
                status = os.lstat(f"{parent}/{name}")
                sizes[status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())
