"""`envc bundle`: all that a node needs to materialize a site, as one file.

parcel                   the site's spec and locks
made                     when it was made, where it is signed: nobody is to bring an old one again
core/<hex>               the interpreter, where the site carries it: a tar of its tree
trees/<store id>         each wheel of the locks, unpacked, with bytecode, and what starts an
                         environment; the largest first

It starts itself with the Python that its envc is for: `python3 FILE materialize …`.

Wheels of all the locks' targets are in it. A node that has some of the trees reads only those that
it lacks.
"""

import os
import platform
import time
from collections.abc import Sequence
from functools import partial

from envc.bundle import BundleWriter
from envc.bundle.site import MADE, PARCEL, TREES, core_entry
from envc.bundle.starting import starting
from envc.cluster.kit import kit_of_this_envc
from envc.core.place import cached_core, core_cache
from envc.core.travel import core_stream
from envc.disk.cache import record_use
from envc.disk.locks import shared
from envc.disk.zips import archive_of
from envc.fleet.parcel import make_parcel
from envc.host.context import Context
from envc.host.machine import target_for
from envc.lock import select_wheels, with_absolute_paths
from envc.model.bundle import BundleFile
from envc.model.digest import Digest
from envc.model.lock import LockedWheel
from envc.model.target import Machine
from envc.reports.bundle import BundleReport
from envc.signing import signer_of
from envc.sites.place import refuse_missing_source
from envc.sites.site import Site, machine_of_site, require_lock
from envc.store import Store, store_id
from envc.store.portable import tree_stream
from envc.supply.indexes import indexes_of
from envc.target.directory import Directory, Shape, read_bytes
from envc.target.planning import closures_of
from envc.target.publish import make_directory
from envc.target.stock import Stock

# In the place of the kit's own, which is for a target that carries it.
_RUN = b"""\
import os
import sys

bundle = sys.argv.pop(1)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))
from envc.cli.main import program

program(supply=bundle)
"""


def make_bundle(
    site: Site,
    output: str,
    source: str | None,
    context: Context,
    *,
    sign: tuple[str, ...] = (),
    lender: Directory | None = None,
) -> BundleReport:
    """Write the bundle of a site's present locks; wheels come from `source` first, then indexes.

    The trees are made in the cache, where the next bundle finds them; what the store of a `lender`
    has is copied from there. `sign` are files of private keys.

    Raises:
        UsageError: a lock is missing, nothing signs for a site that names keys, or a key cannot.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock, or is hostile.
        OutsideError: disk or network; no bundle appears.
    """
    core, python = site.spec.core, site.spec.core.python
    if core.archive is not None:
        cached_core(core, site.origin, context.reporter)
    signer = signer_of(site.spec, sign, context.reporter)
    closures = closures_of(site)
    machine = machine_of_site(site)
    targets, wheels = _wheels(site, machine)
    directory = Directory(f"{context.cache}/bundles-v1", Shape.TARGET)
    make_directory(directory)
    record_use(context.cache, directory.path)
    refuse_missing_source(source)
    wheelhouse = BundleFile(source) if source is not None and os.path.isfile(source) else source
    with shared(directory.store_lock):
        indexes = indexes_of(site)
        stock = Stock(directory, python, machine.interpreter, wheelhouse, indexes, context, lender)
        stock.fill(wheels.values())
        trees = [stock.start_up_tree(), *(store_id(digest, python) for digest in wheels)]
        with BundleWriter(output) as bundle:
            if signer is not None:
                bundle.add(MADE, [str(time.time_ns()).encode()])
            _write(bundle, site, directory.store, trees, context)
            digest = bundle.finish(
                "site",
                site.spec.name,
                sign=partial(signer.sign, purpose="envc-bundle") if signer is not None else None,
            )
    return BundleReport(
        path=os.path.abspath(output),
        digest=digest,
        site=site.spec.name,
        closures=closures,
        targets=targets,
        trees=len(trees),
        size_bytes=os.stat(output).st_size,
        signed=signer is not None,
    )


def _wheels(
    site: Site, machine: Machine
) -> tuple[dict[str, tuple[str, ...]], dict[Digest, LockedWheel]]:
    """The kinds of machine that each layer is for, and the wheels of all of them.

    A lock that names no kind of machine is for this one.
    """
    targets: dict[str, tuple[str, ...]] = {}
    wheels: dict[Digest, LockedWheel] = {}
    for layer in site.spec.layers:
        file = require_lock(site.lock_path(layer.name), layer.name)
        lock = with_absolute_paths(file.lock, site.origin)
        kinds = lock.targets or (target_for(lock, machine),)
        targets[layer.name] = tuple(kind.name for kind in kinds)
        for kind in kinds:
            wheels |= {wheel.digest: wheel for _, wheel in select_wheels(lock, kind)}
    return targets, wheels


def _write(
    bundle: BundleWriter, site: Site, root: str, trees: Sequence[str], context: Context
) -> None:
    store = Store(root)
    kit = kit_of_this_envc(context.cache)
    sizes = {
        name: sum(entry.size_bytes for entry in store.manifest(name).entries()) for name in trees
    }
    context.reporter.start("bundle", len(trees), "trees")
    try:
        bundle.add(PARCEL, [make_parcel(site)])
        common = archive_of({"run.py": _RUN})
        bundle.add_start(starting({kit.python: read_bytes(kit.path)}, common, platform.machine()))
        archive = site.spec.core.archive
        if archive is not None:
            core = core_stream(core_cache(), archive.digest)
            bundle.add(core_entry(archive.digest), core.chunks, digest_bytes=core.head_bytes)
        for name in sorted(trees, key=lambda name: (-sizes[name], name)):
            stream = tree_stream(root, name)
            bundle.add(TREES + name, stream.chunks, digest_bytes=stream.head_bytes)
            context.reporter.advance("bundle")
    finally:
        context.reporter.finish("bundle")
