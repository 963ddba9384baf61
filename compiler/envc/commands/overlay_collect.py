"""`envc overlay collect`: users' specs and locks, copied into the site for CI.

    <storage>/<user>/<name>/    →    <site>/overlays/<user>/<name>/
    overlay.toml, pylock.<name>.toml, and the wheels of its wheelhouse that the lock names

The layout is the storage's, so that an overlay on another one (`base-dir`) finds it there, too. Who
collects may read more than users may: what they have in their folders is read as `disk/foreign`
does, so that nothing comes along that is not theirs.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from envc.disk import foreign
from envc.disk.digests import digest_of_file, known_bytes
from envc.disk.durable import disk_error, doing, remove_temporaries, replacing, write_file
from envc.errors import EnvcError, Fault, OutsideError, UntrustedError, UsageError
from envc.formats.pylock_read import lock_from_text
from envc.host.context import Context
from envc.host.space import room_of_disk
from envc.host.storage import expanded
from envc.model.digest import Digest
from envc.model.lock import Lock, LockedWheel
from envc.model.names import OVERLAY_SPEC, lock_file_name
from envc.reports.overlay_collect import CollectedOverlay, CollectedOverlays
from envc.sites.overlay_files import COLLECTED, owner_of
from envc.sites.overlay_folder import holds_overlay, lost_spec
from envc.sites.place import MOST_OF_A_SPEC, MOST_OF_AN_OVERLAYS_LOCK
from envc.sites.site import Site, overlay_from, refuse_in_site

# Of one user in all, and what is left free on the site's disk.
MOST_OF_A_USER, _LEFT_FREE = 8 << 30, 1 << 28
_PIECE_BYTES = 1 << 20


class _Allowance:
    """How much of each user's still may be in the site."""

    def __init__(self) -> None:
        self._left: defaultdict[str, int] = defaultdict(lambda: MOST_OF_A_USER)

    def take(self, user: str, size_bytes: int, where: str) -> None:
        """Count a file of a user's.

        Raises:
            UsageError: it is more than one user may have here.
        """
        self._left[user] -= size_bytes
        if self._left[user] < 0:
            raise UsageError(
                f"what is collected of {user} comes to more than {MOST_OF_A_USER / 1e9:.0f} GB",
                where=where,
                mend=f"have {user} remove overlays, or name large wheels by an index",
            )


def collect_overlays(site: Site, *, prune: bool, context: Context) -> CollectedOverlays:
    """Copy every overlay of the site's storage into the site; unreadable ones are left out.

    Raises:
        UsageError: the site names no storage, or by a variable that is not set.
        OutsideError: the disk refused.
    """
    storage = _storage(site)
    collected: list[CollectedOverlay] = []
    left_out: dict[str, str] = {}
    allowance = _Allowance()
    for user, name in _overlays_in(storage):
        try:
            collected.append(_collect(storage, site, (user, name), allowance))
        except EnvcError as error:
            left_out[f"{storage}/{user}/{name}"] = error.faults[0].what
        except OSError as error:
            if (error.filename or "").startswith(site.folder):
                raise disk_error(error, "copy an overlay into the site") from error
            left_out[f"{storage}/{user}/{name}"] = f"cannot be read: {error.strerror}"
    present = {os.path.dirname(each.spec) for each in collected}
    present |= {f"{COLLECTED}/{os.path.relpath(path, storage)}" for path in left_out}
    there = [
        f"{COLLECTED}/{user}/{name}" for user, name in _overlays_in(f"{site.folder}/{COLLECTED}")
    ]
    gone = tuple(path for path in there if path not in present)
    if prune:
        _remove([f"{site.folder}/{path}" for path in gone])
    if collected and not any(_reads(pattern) for pattern in site.spec.overlays.specs):
        context.reporter.warn(
            f'no pattern of overlays.specs finds {collected[0].spec}; add "{COLLECTED}/*/*/'
            f'{OVERLAY_SPEC}" to it'
        )
    return CollectedOverlays(
        storage=storage,
        overlays=tuple(collected),
        left_out=left_out,
        gone=gone,
        pruned=prune,
    )


def _storage(site: Site) -> str:
    storage = site.spec.overlays.storage
    if storage is None:
        raise UsageError(
            f"site {site.spec.name} names no storage for overlays",
            where=site.spec.file,
            mend="set overlays.storage",
        )
    return expanded(storage, f"{site.spec.file} (overlays.storage)")


def _overlays_in(folder: str) -> Iterator[tuple[str, str]]:
    """User and name of every `<user>/<name>` below a folder that holds an overlay, in order."""
    for user in _names(folder):
        for name in _names(f"{folder}/{user}"):
            if holds_overlay(f"{folder}/{user}/{name}"):
                yield user, name


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _reads(pattern: str) -> bool:
    """Whether a pattern of `overlays.specs` may find what is collected."""
    return pattern.endswith(OVERLAY_SPEC) or "**" in pattern


def _collect(
    storage: str, site: Site, named: tuple[str, str], allowance: _Allowance
) -> CollectedOverlay:
    """Copy one overlay, which must be that user's, with all that is copied of it."""
    user, name = named
    folder = f"{storage}/{user}/{name}"
    owner = owner_of(folder)
    if owner != user:
        raise UsageError(
            f"it belongs to {owner}, and stands in the folder of {user}",
            where=folder,
            mend=f"move it to a folder {owner}",
        )
    number = os.stat(folder).st_uid
    read = partial(foreign.read, number, storage)
    try:
        text = read(f"{user}/{name}/{OVERLAY_SPEC}", most_bytes=MOST_OF_A_SPEC)
    except FileNotFoundError as error:
        lost = lost_spec(folder)
        raise UsageError.of([lost] if lost is not None else [Fault("it has no spec")]) from error
    spec = overlay_from(text, f"{folder}/{OVERLAY_SPEC}")
    refuse_in_site(site.spec, spec)
    place = f"{COLLECTED}/{user}/{name}"
    lock_name = lock_file_name(spec.name)
    changed = False
    try:
        lock = read(f"{user}/{name}/{lock_name}", most_bytes=MOST_OF_AN_OVERLAYS_LOCK)
    except FileNotFoundError:
        lock = None
    allowance.take(user, len(text) + len(lock or b""), folder)
    if lock is not None:
        for path, locked in _carried(lock_from_text(lock, f"{folder}/{lock_name}", spec.name)):
            with foreign.opened(number, storage, f"{user}/{name}/{path}") as wheel:
                allowance.take(user, _weight(wheel, locked), f"{folder}/{path}")
                changed |= _copy(wheel, locked.digest, f"{site.folder}/{place}/{path}")
        changed |= _write(f"{site.folder}/{place}/{lock_name}", lock)
    changed |= _write(f"{site.folder}/{place}/{OVERLAY_SPEC}", text)
    for parent, _, _ in os.walk(f"{site.folder}/{place}"):
        remove_temporaries(parent)  # of a run that was killed
    return CollectedOverlay(
        name=spec.name,
        owner=owner,
        spec=f"{place}/{OVERLAY_SPEC}",
        locked=lock is not None,
        changed=changed,
    )


def _carried(lock: Lock) -> list[tuple[str, LockedWheel]]:
    """The wheels that a lock has beside it, in order of their paths, which are relative to it."""
    found = {w.path: w for pin in lock.pins for w in pin.wheels if w.path is not None}
    return [(path, found[path]) for path in sorted(found) if _is_plain(path)]


def _weight(wheel: BinaryIO, locked: LockedWheel) -> int:
    """How large a wheel is, which is real, and of the size that its lock says."""
    size_bytes = foreign.weight(wheel)
    if locked.size_bytes not in {None, size_bytes}:
        raise _other_than_locked(locked.filename)
    return size_bytes


def _is_plain(path: str) -> bool:
    """Whether a path is that of a wheel below a folder, and hides in no folder of a tool's."""
    parts = path.split("/")
    return (
        path.endswith(".whl") and path.isprintable() and not any(p[:1] in {"", "."} for p in parts)
    )


def _copy(wheel: BinaryIO, digest: Digest, path: str) -> bool:
    """Copy a wheel that is what its lock says, unless it is there; whether it was not."""
    if os.path.isfile(path) and digest_of_file(path) == digest:
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    left = os.fstat(wheel.fileno()).st_size
    room = room_of_disk(os.path.dirname(path)).size_bytes
    if room is not None and left + _LEFT_FREE > room:
        raise OutsideError(
            "a wheel that its lock names does not fit on the site's disk",
            where=path,
            mend="free space there, or have its owner name the wheel by an index",
        )
    with replacing(path) as part:
        with open(part, "xb") as copy:
            while left > 0:  # it may grow meanwhile
                left -= copy.write(wheel.read(min(left, _PIECE_BYTES))) or left
        if digest_of_file(part) != digest:
            raise _other_than_locked(path)
    return True


def _other_than_locked(where: str) -> UntrustedError:
    return UntrustedError(
        "this wheel is not what the overlay's lock says",
        where=where,
        mend="have its owner run `envc overlay sync`",
    )


def _write(path: str, text: bytes) -> bool:
    """Write a file unless it has that text; whether it had not."""
    if known_bytes(path) == text:
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_file(path, text)
    return True


def _remove(folders: list[str]) -> None:
    for folder in folders:
        with doing("remove an overlay that is gone", folder):
            shutil.rmtree(folder)
