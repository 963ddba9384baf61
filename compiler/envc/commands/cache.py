"""`envc cache`: where the cache is, how much it holds, and its removal."""

import os
import re

from envc.disk.durable import disk_error
from envc.disk.folders import remove_folder
from envc.host.context import Context
from envc.reports.cache import CachePart, CacheReport

# What envc keeps has a name and the number of its form. A folder that ENVC_CACHE_DIR names may
# hold what is somebody else's: that is not counted, and never removed.
_OURS = re.compile(r"([a-z]+)-v[0-9]+(\.sqlite(-[a-z]+)?)?")


def show_cache(context: Context) -> CacheReport:
    """What the cache holds."""
    return _report(context.cache, removed=False)


def clean_cache(context: Context) -> CacheReport:
    """Remove everything that the cache holds; whoever needs some of it fetches it again.

    Raises:
        OutsideError: the disk refused.
    """
    report = _report(context.cache, removed=True)
    for name in _ours(report.folder):
        path = f"{report.folder}/{name}"
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                remove_folder(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            continue  # another run cleans, too
        except OSError as error:
            raise disk_error(error, "remove a part of the cache", path) from error
    return report


def _ours(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if _OURS.fullmatch(name))
    except OSError:
        return []  # no cache yet


def _report(folder: str, *, removed: bool) -> CacheReport:
    parts = {name: _measured(f"{folder}/{name}") for name in _ours(folder)}
    return CacheReport(
        folder=folder,
        removed=removed,
        files=sum(part.files for part in parts.values()),
        size_bytes=sum(part.size_bytes for part in parts.values()),
        parts=parts,
    )


def _measured(path: str) -> CachePart:
    paths = [path] if os.path.isfile(path) else []
    paths += [f"{folder}/{name}" for folder, _, names in os.walk(path) for name in names]
    sizes = [size for each in paths if (size := _size_bytes(each)) is not None]
    return CachePart(files=len(sizes), size_bytes=sum(sizes))


def _size_bytes(path: str) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None  # gone in between
