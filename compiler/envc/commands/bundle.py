"""`envc bundle`: all that a node needs to materialize a site, as one file.

parcel                   the site's spec and locks
kit                      envc itself
core/<hex>               the interpreter, where the site carries it: a tar of its tree
trees/<store id>         each wheel of the locks, unpacked, with bytecode, and what starts an
                         environment; the largest first

Wheels of all the locks' targets are in it. A node that has some of the trees reads only those that
it lacks.
"""

import os
from collections.abc import Sequence

from envc.bundle import BundleWriter
from envc.cluster.kit import kit_of_this_envc
from envc.core.cached import cached_core, core_cache
from envc.core.travel import core_stream
from envc.disk.locks import shared
from envc.fleet.statement import Signer, signer_of
from envc.fleet.wanted import make_parcel
from envc.host.context import Context
from envc.host.fitting import target_for
from envc.lock import select_wheels, with_absolute_paths
from envc.model.digest import Digest
from envc.model.lock import Lock, LockedWheel
from envc.model.target import Machine, Target
from envc.model.value import value
from envc.reports.bundle import BundleReport
from envc.sites.site import Site, machine_of_site, require_lock
from envc.store import Store, store_id
from envc.store.portable import tree_stream
from envc.supply.bundled import KIT, PARCEL, TREES
from envc.supply.indexes import indexes_of
from envc.target.core import core_name
from envc.target.directory import Directory, Shape, read_bytes
from envc.target.locked import closures_of
from envc.target.publish import make_directory
from envc.target.stock import Stock


def make_bundle(
    site: Site,
    output: str,
    source: str | None,
    context: Context,
    *,
    sign: Sequence[str] = (),
) -> BundleReport:
    """Write the bundle of a site's present locks; wheels come from `source` first, then indexes.

    The trees are made in the cache, where the next bundle finds them. `sign` are files of private
    keys.

    Raises:
        UsageError: a lock is missing, nothing signs for a site that names keys, or a key cannot.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock, or is hostile.
        OutsideError: disk or network; no bundle appears.
    """
    if site.spec.core.archive is not None:
        cached_core(site.spec.core, site.origin, context.reporter)
    signer = signer_of(site, sign, context) if site.spec.keys or sign else None
    closures = closures_of(site)
    machine = machine_of_site(site)
    targets: dict[str, tuple[str, ...]] = {}
    wheels: dict[Digest, LockedWheel] = {}
    for layer in site.spec.layers:
        file = require_lock(site.lock_path(layer.name), layer.name)
        lock = with_absolute_paths(file.lock, site.origin)
        kinds = _targets(lock, machine)
        targets[layer.name] = tuple(kind.name for kind in kinds)
        for kind in kinds:
            wheels |= {wheel.digest: wheel for _, wheel in select_wheels(lock, kind)}
    directory = Directory(f"{context.cache}/bundles-v1", Shape.TARGET)
    make_directory(directory)
    python = site.spec.core.python
    with shared(directory.store_lock):
        indexes = indexes_of(site)
        stock = Stock(directory, python, machine.interpreter, source, indexes, context)
        stock.fill(wheels.values())
        trees = [stock.start_up_tree(), *(store_id(digest, python) for digest in wheels)]
        title = _Title(site, signer)
        digest = _write(title, directory.store, output, trees, context)
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


def _targets(lock: Lock, machine: Machine) -> tuple[Target, ...]:
    """The kinds of machine that a lock is for; one that names none is for this machine."""
    return lock.targets or (target_for(lock, machine),)


@value
class _Title:
    """Whose bundle it is, and who signs for it."""

    site: Site
    signer: Signer | None

    def sign(self, index: bytes) -> bytes:
        """The signatures of the bundle's index; b"": nobody signs."""
        return self.signer.sign(index, "envc-bundle") if self.signer is not None else b""


def _write(title: _Title, root: str, output: str, trees: list[str], context: Context) -> Digest:
    store = Store(root)
    kit = kit_of_this_envc(context.cache)
    sizes = {
        name: sum(entry.size_bytes for entry in store.manifest(name).entries()) for name in trees
    }
    context.reporter.start("bundle", len(trees), "trees")
    try:
        with BundleWriter(output) as bundle:
            bundle.add(PARCEL, [make_parcel(title.site)])
            bundle.add(KIT, [read_bytes(kit.path)])
            archive = title.site.spec.core.archive
            if archive is not None:
                core = core_stream(core_cache(), archive.digest)
                bundle.add(core_name(archive.digest), core.chunks, digest_bytes=core.head_bytes)
            for name in sorted(trees, key=lambda name: (-sizes[name], name)):
                stream = tree_stream(root, name)
                bundle.add(TREES + name, stream.chunks, digest_bytes=stream.head_bytes)
                context.reporter.advance("bundle")
            return bundle.finish("site", title.site.spec.name, sign=title.sign)
    finally:
        context.reporter.finish("bundle")
