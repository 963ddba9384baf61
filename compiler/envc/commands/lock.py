"""`envc lock` where nothing changed: the last run's answer holds while every file is as it was.

    <cache>/locks-v1/<key of the site and the layers asked for>

The record tells what the answer was made from: envc and the machine, the digest of the spec and of
each lock, and the core's interpreter. A run that finds all of that unchanged parses neither spec
nor lock. Like all of the cache, a record may vanish or be broken: then the long way is taken.
"""

import gc
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from envc import __version__
from envc.host.context import Context
from envc.locking.report import LockOptions
from envc.model.digest import Digest, digest_of, digest_of_json, hex_of
from envc.reports.lock import LockedLayer, LockReport
from envc.sites.place import find_site, shown

if TYPE_CHECKING:
    from envc.sites.site import Site

# Raised when other things decide a lock, or when the record gets another form.
_RECORD_FORMAT = 1
_TUPLES = ("shadows", "lifts", "hides", "built")


def lock(site: str | None, options: LockOptions, context: Context) -> LockReport:
    """Lock what `options` name; write what changed. `site` is the folder given, None: the nearest.

    With `check` nothing is written, and a stale lock shows as `changed`.

    Raises:
        SpecError: with every fault of a spec.
        UnsatisfiableError: a layer has no solution; nothing is written for it or above it.
    """
    folder, spec_name = find_site(site)
    place = _place(folder, spec_name, options)
    moves = bool(options.upgrade or options.projects or options.overlay)
    if not moves:
        found = _recall(context.cache, place)
        if found is not None:
            return found

    with _without_collector():
        from envc.locking.lock import lock_site
        from envc.sites.site import load_site

        loaded = load_site(folder, spec_name)
        report = lock_site(loaded, options, context)
    if not moves and not _has_files(loaded, report) and not (options.check and report.changed):
        _remember(context, place, loaded, report)
    return report


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


def _place(folder: str, spec_name: str, options: LockOptions) -> str:
    key = digest_of_json([folder, spec_name, sorted(set(options.layers))])
    return f"locks-v1/{hex_of(key)[:24]}"


def _recall(cache: str, place: str) -> LockReport | None:
    """The answer that was remembered, if it still holds."""
    try:
        with open(f"{cache}/{place}", "rb") as file:
            record = json.loads(file.read())
        if record["made by"] != _maker() or any(
            _digest_of_file(path) != digest for path, digest in record["files"].items()
        ):
            return None
        if record["interpreter"] != _interpreter(record["interpreter"]):
            return None
        layers = {name: _layer(values) for name, values in record["layers"].items()}
        return LockReport(changed=False, layers=layers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _layer(values: dict[str, Any]) -> LockedLayer:
    tuples = {name: tuple(values.pop(name)) for name in _TUPLES}
    return LockedLayer(**(values | {"path": shown(values["path"])} | tuples))


def _remember(context: Context, place: str, site: "Site", report: LockReport) -> None:
    from envc.index.cache import Cache

    paths = {name: site.lock_path(name) for name in report.layers}
    layers = {
        name: asdict(replace(layer, path=paths[name], changed=False))
        for name, layer in report.layers.items()
    }
    files = {path: report.layers[name].digest for name, path in paths.items()}
    files |= {path: _digest_of_file(path) for path in _locks_below(site, report.layers)}
    files[f"{site.folder}/{site.spec_name}"] = digest_of(site.text)
    interpreter = site.spec.core.interpreter
    record = {
        "made by": _maker(),
        "files": files,
        "interpreter": None if interpreter is None else _interpreter([interpreter]),
        "layers": layers,
    }
    Cache(context.cache, warn=context.reporter.warn).write(place, json.dumps(record).encode())


def _locks_below(site: "Site", layers: Iterable[str]) -> Iterator[str]:
    """The locks of bases that were not asked for: what stands on them was judged by them."""
    for name in layers:
        for base in site.spec.chain(name)[1:]:
            if base.name not in layers:
                yield site.lock_path(base.name)


def _maker() -> list[str | int]:
    """What answers depend on beside files: this envc, and the machine that a site may stand for."""
    machine = os.uname()
    names = os.confstr_names
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in names else None
    return [_RECORD_FORMAT, __version__, sys.version, machine.sysname, machine.machine, libc or ""]


def _interpreter(known: list[Any] | None) -> list[Any] | None:
    """The path that `known` begins with and what tells whether another file stands there now."""
    if known is None:
        return None
    status = os.stat(known[0])
    return [known[0], status.st_ino, status.st_size, status.st_mtime_ns]


def _digest_of_file(path: str) -> Digest:
    with open(path, "rb") as file:
        return digest_of(file.read())
