"""Requirements that name a file or a folder of this machine, and whether it is as it was locked."""

import os
from collections.abc import Iterable
from urllib.parse import unquote, urldefrag, urlsplit

from envc.disk.digests import digest_of_file, known_digest
from envc.disk.folders import walk
from envc.disk.memo import DigestMemo
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import Lock
from envc.model.source import NOT_SOURCES
from envc.model.spec import SourcedRequirement

# What no wheel, and no source distribution, is larger than.
MOST_BYTES = 1 << 34
# Nor are all wheels together that a lock names by their paths.
_MOST_OF_A_LOCK = 1 << 35


def names_files(requirements: Iterable[SourcedRequirement]) -> bool:
    """Whether any of these names a file or a folder of this machine."""
    return any(local_path(sourced.requirement.url or "", "/") for sourced in requirements)


def is_as_locked(requirements: Iterable[SourcedRequirement], lock: Lock, *, folder: str) -> bool:
    """Whether the files and folders that requirements name are what the lock was made from.

    `folder` is where spec and lock stand. Of what is not there any more, the lock has what was made
    of it: nothing has changed that anybody could lock anew.
    """
    known = {
        os.path.normpath(os.path.join(folder, wheel.path)): wheel.digest
        for pin in lock.pins
        for wheel in pin.wheels
        if wheel.path is not None
    }
    for build in lock.builds:
        path = local_path(build.source if "://" in build.source else f"./{build.source}", folder)
        if path is not None:
            known[path] = build.source_digest
    paths = {local_path(sourced.requirement.url or "", folder) for sourced in requirements}
    return all(_digest_of(path) in {None, known[path]} for path in paths if path in known)


def has_wheels_as_locked(lock: Lock, digests: DigestMemo, *, folder: str) -> bool:
    """Whether the wheels that a lock in that folder names by their paths are the locked ones.

    One that is not there any more may be had elsewhere. None is read whose size is another than the
    lock's, nor all of them without end: the lock may be a stranger's.
    """
    left = _MOST_OF_A_LOCK
    for wheel in (wheel for pin in lock.pins for wheel in pin.wheels):
        if wheel.path is None:
            continue
        path = os.path.join(folder, wheel.path)
        try:
            status = os.stat(path)
            left -= status.st_size
            if left < 0 or wheel.size_bytes not in {None, status.st_size}:
                return False
            if digests.of(path, status) != wheel.digest:
                return False
        except OSError:
            continue
    return True


def local_path(url: str, folder: str) -> str | None:
    """The path that a requirement or a lock's source means, if it is one of this machine."""
    if not url.startswith((".", "/")) and urlsplit(url).scheme != "file":
        return None
    bare = urldefrag(url)[0]
    written = unquote(urlsplit(bare).path) if bare.startswith("file:") else bare
    return os.path.normpath(os.path.join(folder, written))


def digest_of_folder(folder: str) -> Digest:
    """The digest of every file below a folder, by path; what no build reads is left out."""
    found: dict[str, str] = {}
    for path, folders, names in walk(folder):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        for name in set(names) - NOT_SOURCES:  # `.git` may be a file
            place = os.path.join(path, name)
            if os.path.isfile(place):
                found[os.path.relpath(place, folder)] = digest_of_file(place)
    return digest_of_json(["folder", found])


def _digest_of(path: str) -> Digest | None:
    """The digest of a file or a folder; None where there is neither."""
    if os.path.isdir(path):
        return digest_of_folder(path)
    return known_digest(path, MOST_BYTES)
