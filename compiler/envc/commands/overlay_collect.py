"""`envc overlay collect`: users' specs and locks, copied into the site for CI.

    <storage>/<user>/<name>/    →    <site>/overlays/<user>/<name>/
    overlay.toml, pylock.<name>.toml, and the wheels of its wheelhouse that the lock names

The layout is the storage's, so that an overlay on another one (`base-dir`) finds it there, too.
"""

import os
import shutil
from collections.abc import Iterator

from envc.disk.durable import disk_error, write_file
from envc.errors import EnvcError, UsageError
from envc.host.context import Context
from envc.host.storage import expanded
from envc.model.lock import Lock
from envc.model.names import OVERLAY_SPEC, lock_file_name
from envc.reports.overlay_collect import CollectedOverlay, CollectedOverlays
from envc.sites.overlay_files import owner_of
from envc.sites.overlay_folder import holds_overlay
from envc.sites.place import read_spec
from envc.sites.site import Site, overlay_from, overlay_lock_path, overlay_text, read_lock

FOLDER = "overlays"


def collect_overlays(site: Site, *, prune: bool, context: Context) -> CollectedOverlays:
    """Copy every overlay of the site's storage into the site; unreadable ones are left out.

    Raises:
        UsageError: the site names no storage, or by a variable that is not set.
        OutsideError: the disk refused.
    """
    storage = _storage(site)
    collected: list[CollectedOverlay] = []
    left_out: dict[str, str] = {}
    for user, name in _overlays_in(storage):
        try:
            collected.append(_collect(f"{storage}/{user}/{name}", site, user, name))
        except EnvcError as error:
            left_out[f"{storage}/{user}/{name}"] = error.faults[0].what
    present = {os.path.dirname(each.spec) for each in collected}
    present |= {f"{FOLDER}/{os.path.relpath(path, storage)}" for path in left_out}
    there = [f"{FOLDER}/{user}/{name}" for user, name in _overlays_in(f"{site.folder}/{FOLDER}")]
    gone = tuple(path for path in there if path not in present)
    if prune:
        _remove([f"{site.folder}/{path}" for path in gone])
    if collected and not any(_reads(pattern) for pattern in site.spec.overlays.specs):
        context.reporter.warn(
            f'no pattern of overlays.specs finds {collected[0].spec}; add "{FOLDER}/*/*/'
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


def _collect(folder: str, site: Site, user: str, name: str) -> CollectedOverlay:
    """Copy one overlay, which must be that user's."""
    owner = owner_of(folder)
    if owner != user:
        raise UsageError(
            f"it belongs to {owner}, and stands in the folder of {user}",
            where=folder,
            mend=f"move it to a folder {owner}",
        )
    path = f"{folder}/{OVERLAY_SPEC}"
    text = overlay_text(path)
    spec = overlay_from(text, path)
    found = read_lock(overlay_lock_path(spec), spec.name)
    files = {OVERLAY_SPEC: text}
    if found is not None:
        files[lock_file_name(spec.name)] = found.text
        files |= {path: read_spec(f"{folder}/{path}") for path in _carried(found.lock)}
    place = f"{FOLDER}/{user}/{name}"
    changed = [_write(f"{site.folder}/{place}/{path}", text) for path, text in files.items()]
    return CollectedOverlay(
        name=spec.name,
        owner=owner,
        spec=f"{place}/{OVERLAY_SPEC}",
        locked=found is not None,
        changed=any(changed),
    )


def _carried(lock: Lock) -> list[str]:
    """The wheels that a lock has beside it, relative to it."""
    paths = {wheel.path for pin in lock.pins for wheel in pin.wheels if wheel.path is not None}
    return sorted(p for p in paths if not p.startswith("/") and ".." not in p.split("/"))


def _write(path: str, text: bytes) -> bool:
    """Write a file unless it has that text; whether it had not."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read() == text:
                    return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, text)
    except OSError as error:
        raise disk_error(error, "copy an overlay into the site", path) from error
    return True


def _remove(folders: list[str]) -> None:
    for folder in folders:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise disk_error(error, "remove an overlay that is gone", folder) from error
