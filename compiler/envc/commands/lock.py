"""`envc lock` where nothing changed: the last run's answer holds while every file is as it was.

It is kept with what it was made from: the digest of the spec and of each lock, and the core's
interpreter. A run that finds all of that unchanged parses neither spec nor lock.
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from envc.disk.cache import Cache, CacheFolder
from envc.disk.digests import digest_of_file
from envc.disk.memo import Memo
from envc.host.context import Context
from envc.locking.report import LockOptions
from envc.model.digest import Digest, digest_of
from envc.model.value import replace, value
from envc.reports.lock import LockedLayer, LockReport
from envc.sites.place import find_site, shown

if TYPE_CHECKING:
    from envc.sites.site import Site

# Whose code decides what a lock is.
_ROOMS = (
    *("locking", "supply", "sites", "core", "bundle", "build", "index", "store", "host"),
    *("expand", "resolve", "lock", "check", "formats", "model"),
)


# What tells whether another file stands at a path now: inode, size, time.
_Seen = tuple[int, int, int]


@value
class _Answer:
    """The locks of layers, and what they were made from: files, and the core's interpreter."""

    layers: dict[str, LockedLayer]
    files: dict[str, Digest]
    interpreters: dict[str, _Seen]


def lock(site: str | None, options: LockOptions, context: Context) -> LockReport:
    """Lock what `options` name; write what changed. `site` is the folder given, None: the nearest.

    With `check` nothing is written, and a stale lock shows as `changed`.

    Raises:
        SpecError: with every fault of a spec.
        UnsatisfiableError: a layer has no solution; nothing is written for it or above it.
    """
    folder, spec_name = find_site(site)
    if options.upgrade or options.projects or options.overlay:
        return _locked(folder, spec_name, options, context)[1]
    memo = Memo(CacheFolder(Cache(context.cache), "locks-v1"), _Answer, rooms=_ROOMS)
    key = memo.key(folder, spec_name, sorted(set(options.layers)), _machine())
    known = memo.read(key)
    if known is not None and _holds(known):
        layers = {n: replace(each, path=shown(each.path)) for n, each in known.layers.items()}
        return LockReport(changed=False, layers=layers)
    loaded, report = _locked(folder, spec_name, options, context)
    if not _has_files(loaded, report) and not (options.check and report.changed):
        memo.write(key, _answer(loaded, report))
    return report


def _locked(
    folder: str, spec_name: str, options: LockOptions, context: Context
) -> tuple["Site", LockReport]:
    """The site, its layers locked; and what was done."""
    with _without_collector():
        from envc.locking.lock import lock_site
        from envc.sites.site import load_site

        loaded = load_site(folder, spec_name)
        return loaded, lock_site(loaded, options, context)


def _has_files(site: "Site", report: LockReport) -> bool:
    """Whether locks depend on further files, which may be large: built wheels, local projects."""
    from envc.supply.local_files import names_files

    return any(layer.built for layer in report.layers.values()) or any(
        names_files(layer.requires) for layer in site.spec.layers
    )


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for circular garbage: locking makes next to none, and it took a twentieth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _holds(answer: _Answer) -> bool:
    """Whether everything that an answer was made from is as it was."""
    try:
        return all(digest_of_file(path) == digest for path, digest in answer.files.items()) and all(
            _seen(path) == seen for path, seen in answer.interpreters.items()
        )
    except OSError:
        return False


def _answer(site: "Site", report: LockReport) -> _Answer:
    paths = {name: site.lock_path(name) for name in report.layers}
    layers = {
        name: replace(layer, path=paths[name], changed=False)
        for name, layer in report.layers.items()
    }
    files = {path: report.layers[name].digest for name, path in paths.items()}
    files |= {path: digest_of_file(path) for path in _locks_below(site, report.layers)}
    files[f"{site.folder}/{site.spec_name}"] = digest_of(site.text)
    interpreter = site.spec.core.interpreter
    return _Answer(layers, files, {interpreter: _seen(interpreter)} if interpreter else {})


def _locks_below(site: "Site", layers: Iterable[str]) -> Iterator[str]:
    """The locks of bases that were not asked for: what stands on them was judged by them."""
    for name in layers:
        for base in site.spec.chain(name)[1:]:
            if base.name not in layers:
                yield site.lock_path(base.name)


def _machine() -> list[str]:
    """The machine that a site may stand for."""
    machine = os.uname()
    names = os.confstr_names
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in names else None
    return [sys.version, machine.sysname, machine.machine, libc or ""]


def _seen(path: str) -> _Seen:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
