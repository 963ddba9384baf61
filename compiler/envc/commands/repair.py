"""`envc repair`: store and generations brought back to what was published.

1. The record, the specs and the locks of every generation: what is damaged is written anew from
   the plan that the store keeps.
2. A core that the target carries is compared with its manifest, and what differs is linked from a
   new copy of it.
3. Every stored tree that a generation is linked from is compared with its manifest, and that with
   the manifests of the layers. A damaged one is moved aside and ingested again from its wheel.
4. Every tree of every generation is compared with its manifest, and what differs is linked again
   from the store, or written again from the plan.
5. `current`, where it leads astray, is pointed at the newest generation.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field

from envc.disk.digests import known_digest
from envc.disk.durable import (
    disk_error,
    make_folder,
    remove_temporaries,
    sync_file_system,
    write_file,
)
from envc.disk.locks import exclusive
from envc.disk.ownership import refuse_foreign
from envc.errors import EnvcError, OutsideError, UntrustedError
from envc.fleet.prune import core_brought_for
from envc.formats.pylock_read import lock_from_text
from envc.host.context import Context
from envc.lock import with_absolute_paths
from envc.model.bundle import BundleFile, Sources
from envc.model.generation import Generation
from envc.model.lock import LockedWheel
from envc.model.manifest import DIRECTORY_MODE, FILE_MODE, Difference, Manifest, path_of
from envc.model.names import CORE, lock_file_name
from envc.model.plan import TreePlan, WriteFile
from envc.model.publication import Publication
from envc.model.spec import IndexSpec
from envc.plan.repair import Source, plan_mode_repair, plan_tree_repair
from envc.plan.tree import manifest_of_plan
from envc.reports.repair import Mended, RepairReport
from envc.sites.place import refuse_missing_source
from envc.store import Store, store_id
from envc.supply.indexes import indexes_of
from envc.target.beside import differences_beside, restore_beside
from envc.target.compare import (
    BESIDE,
    ENVIRONMENT,
    environment_differences,
    extra_records,
    mode_differences,
    published_manifest,
    records_in,
    verify_tree,
)
from envc.target.core_care import mend_core
from envc.target.directory import GENERATION_MODE, Directory, read_bytes
from envc.target.mend import (
    carry_out,
    mend_current,
    mend_record,
    mend_specs,
    mend_tree,
    remove,
    writable,
)
from envc.target.opened import find_target, materialized_at, open_target, read_location
from envc.target.publication import kept_publications
from envc.target.publish import record_event, remove_leftovers
from envc.target.remove import empty_trash, move_to_trash, reachable_trees
from envc.target.stock import RUNTIME, Stock, runtime_sources
from envc.view.stack_file import RUNTIME_FILES


def repair(path: str, wheelhouse: str | None, context: Context) -> RepairReport:
    """Mend a target, or an overlay's folder.

    Raises:
        UsageError: nothing is materialized here, or it is somebody else's.
        UntrustedError: the wheelhouse is a bundle that none of the keys noted here has signed.
        OutsideError: a wheel cannot be had, or the disk refused.
    """
    directory = materialized_at(path)
    refuse_foreign(directory.path)
    refuse_missing_source(wheelhouse)
    wheels: str | BundleFile | None = wheelhouse
    if wheelhouse is not None and os.path.isfile(wheelhouse):
        from envc.fleet.trust import accepted_bundle

        wheels, _ = accepted_bundle(directory, wheelhouse, named=())
    with exclusive(directory.store_lock), exclusive(directory.lock):
        mending = _Mending(directory, wheels, context)
        context.reporter.holds(
            lambda: f"{directory.path}: paths repaired so far: {len(mending.repaired)}"
        )
        try:
            mending.run()
            if mending.repaired:
                _leave_line(directory)
        except OSError as error:
            raise disk_error(error, "repair", None if error.filename else path) from error
    return RepairReport(
        ok=not mending.unrepaired,
        target=directory.path,
        repaired=tuple(mending.repaired),
        unrepaired=tuple(mending.unrepaired),
    )


def _leave_line(directory: Directory) -> None:
    """Note in the audit log that something was mended, where `current` can be told."""
    with suppress(EnvcError):
        current = directory.current()
        if current is not None:
            record_event(directory, "repair", current)


@dataclass
class _Mending:
    """One run: what is known of the directory, and what was done.

    `damaged` are files of the store, and manifests of whole trees, that could not be mended.
    """

    directory: Directory
    wheelhouse: str | BundleFile | None
    context: Context
    repaired: list[Mended] = field(default_factory=list)
    unrepaired: list[Mended] = field(default_factory=list)
    records: dict[int, Generation] = field(default_factory=dict)
    publications: list[Publication] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)

    def run(self) -> None:
        self.publications = list(kept_publications(self.directory))
        for number in self.directory.numbers():
            self.read_record(number)
        for record in self.records.values():
            for path, mended in mend_specs(self.directory, record, self.publications).items():
                self.note(f"generation {record.generation}", path, "changed", mended=mended)
            self.remove_extra_records(record)
        self.mend_cores()
        self.mend_store()
        plans = {layer.plan.digest: layer.plan for p in self.publications for layer in p.layers}
        for number, record in self.records.items():
            for name, layer in record.layers.items():
                self.mend_layer(number, name, plans.get(layer.digest))
            os.chmod(self.directory.generation(number), GENERATION_MODE)
        sync_file_system(self.directory.path)
        if mend_current(self.directory, list(self.records)):
            self.note(BESIDE, "current", "link", mended=True)
        self.mend_names()
        self.look_at_environments()
        remove_leftovers(self.directory)
        remove_temporaries(self.directory.path)
        empty_trash(self.directory)

    def mend_names(self) -> None:
        """Restore what belongs beside the generations, and remove what belongs to nothing."""
        records = list(self.records.values())
        before = differences_beside(self.directory, records)
        if not before:
            return
        restore_beside(self.directory, records, self.context)
        left = differences_beside(self.directory, records)
        for difference in before:
            self.note(BESIDE, difference.path, difference.kind, mended=difference not in left)

    def look_at_environments(self) -> None:
        """Note what is not as it was in environments that envc did not build: nobody's to mend."""
        with suppress(EnvcError):
            current = self.directory.current()
            for difference in environment_differences(self.directory, current) if current else ():
                self.note(ENVIRONMENT, difference.path, difference.kind, mended=False)

    def note(self, where: str, path: str, kind: str, *, mended: bool) -> None:
        into = self.repaired if mended else self.unrepaired
        into.append(Mended(where=where, path=path, kind=kind))

    def read_record(self, number: int) -> None:
        """Read a generation's record; one that is damaged is written anew from its plan."""
        record: Generation | None
        try:
            record = self.directory.record(number)
        except EnvcError:
            record = None
        if record is None or record.digest != record.own_digest():
            record = mend_record(self.directory, number, self.publications)
            where = f"generation {number}"
            self.note(where, "manifest.json", "changed", mended=record is not None)
        if record is not None:
            self.records[number] = record

    def remove_extra_records(self, record: Generation) -> None:
        """Remove what was put beside a generation's records."""
        generation = self.directory.generation(record.generation)
        for name in sorted(extra_records(self.directory, record)):
            path = f"{generation}/{name}"
            with writable(os.path.dirname(path)):
                remove(path)
            gone = not os.path.lexists(path)
            self.note(f"generation {record.generation}", name, "extra", mended=gone)

    def mend_cores(self) -> None:
        """Mend the interpreters that the target carries, first: the store is compiled by them."""
        by_core = {record.interpreter: record for record in self.records.values()}
        for record in by_core.values():
            sources = Sources(self.wheelhouse)
            with suppress(EnvcError):  # told of where the wanted state is asked for
                sources = Sources(self.wheelhouse, core_brought_for(self.directory, record))
            mended, left = mend_core(self.directory, record, sources, self.context.reporter)
            for problems, is_mended in ((mended, True), (left, False)):
                for problem in problems:
                    self.note(CORE, problem.path, problem.kind, mended=is_mended)

    @property
    def store(self) -> Store:
        return Store(self.directory.store)

    def mend_store(self) -> None:
        """Set modes right; ingest every other damaged tree again."""
        for tree in sorted(reachable_trees(self.records.values())):
            problems = _damage(self.store, tree)
            if not problems:
                continue
            if all(problem.kind == "mode" for problem in problems):
                steps = plan_mode_repair(self.store.manifest(tree))
                mended = not carry_out(self.store.tree(tree), steps)
            else:
                mended = self.ingest_again(tree)
            for problem in problems:
                self.note("store", f"{tree}/{problem.path}", problem.kind, mended=mended)
                if not mended:
                    self.damaged.add(f"{tree}/{problem.path}")

    def ingest_again(self, tree: str) -> bool:
        """Whether a stored tree could be made anew; else it stays as it is, and the reason is told.

        Its wheel is fetched before it is moved.

        Raises:
            OutsideError: the disk refused.
        """
        record = next(r for r in self.records.values() if tree in reachable_trees([r]))
        try:
            wheel = self.wheel_of(tree, record.python)
            if wheel is not None:
                with self.stock(record).fetched([wheel]):
                    pass  # it can be had
        except EnvcError as error:
            self.context.reporter.warn(str(error))
            return False
        place = f"{self.directory.store}/wheels/{tree}"
        aside = move_to_trash(self.directory, place)
        made = ""
        try:
            made = self.make_tree(record, wheel)
        except UntrustedError as error:
            self.context.reporter.warn(str(error))
        finally:
            if made != tree and aside is not None and not os.path.lexists(place):
                os.rename(aside, place)
        if made and made != tree:
            self.context.reporter.warn(f"only the envc that made it can make {tree} again")
        return made == tree

    def make_tree(self, record: Generation, wheel: LockedWheel | None) -> str:
        """The id of the tree that is in the store afterwards: a wheel's, or the start-up files'."""
        if wheel is not None:
            self.stock(record).fill([wheel])
            return store_id(wheel.digest, record.python)
        sources = runtime_sources(RUNTIME_FILES, record.python)
        return self.store.add_tree(
            RUNTIME, sources, python=record.python, interpreter=record.interpreter
        )

    def stock(self, record: Generation) -> Stock:
        return Stock(
            self.directory,
            record.python,
            record.interpreter,
            self.wheelhouse,
            self.indexes(),
            self.context,
        )

    def indexes(self) -> tuple[IndexSpec, ...]:
        """Those of the site; none where the damage is such that nobody can tell."""
        with suppress(EnvcError):
            folder = self.directory.path
            place = find_target(None, folder) if self.directory.is_overlay else folder
            return indexes_of(open_target(place).site)
        return ()

    def wheel_of(self, tree: str, python: str) -> LockedWheel | None:
        """The wheel that a stored tree was unpacked from, None for the start-up files.

        Raises:
            OutsideError: no lock that can be read names it.
        """
        if tree.startswith(f"{RUNTIME}-"):
            return None
        location = read_location(self.directory.path)
        origin = location.checkout if location is not None else None
        for number, record in self.records.items():
            for layer in record.layers:
                path = f"{self.directory.generation(number)}/site/{lock_file_name(layer)}"
                try:
                    lock = lock_from_text(read_bytes(path), path, layer)
                except EnvcError:
                    continue  # told as a damaged lock already
                for pin in with_absolute_paths(lock, origin or self.directory.path).pins:
                    for wheel in pin.wheels:
                        if store_id(wheel.digest, python) == tree:
                            return wheel
        raise OutsideError(
            "no lock names the wheel of this stored tree",
            where=f"{self.directory.store}/wheels/{tree}",
            mend="materialize the site again into another target",
        )

    def mend_layer(self, number: int, name: str, plan: TreePlan | None) -> None:
        """Bring a layer's manifest, then its tree, back to what the record says."""
        where = f"generation {number}, layer {name}"
        manifest = self.mend_manifest(number, name, plan)
        if manifest is None:
            self.note(where, f"manifests/{name}", "changed", mended=False)
            return
        root = self.directory.tree(number, name)
        for problem in mode_differences(self.directory, number, name):
            place = os.path.normpath(f"{root}/{problem.path}")
            os.chmod(place, DIRECTORY_MODE)  # the generation's own: in `run`
            self.note(where, problem.path, problem.kind, mended=True)
        ignore = records_in(self.directory)
        problems = verify_tree(manifest, root, ignore=ignore)
        if not problems:
            return
        source = self.sources(self.records[number], name, plan)
        failed = mend_tree(manifest, root, plan_tree_repair(manifest, problems, source).steps)
        for path, error in failed.items():
            self.context.reporter.warn(f"{where}: {path} cannot be mended: {error.strerror}")
        left = verify_tree(manifest, root, ignore=ignore)
        paths = {problem.path for problem in left}
        for problem in [*(p for p in problems if p.path not in paths), *left]:
            self.note(where, problem.path, problem.kind, mended=problem.path not in paths)

    def mend_manifest(self, number: int, name: str, plan: TreePlan | None) -> Manifest | None:
        """A layer's manifest as its record names it, made anew from the plan if need be."""
        record = self.records[number]
        wanted = record.layers[name].digest
        manifest = published_manifest(self.directory, record, name)
        if manifest is None and plan is not None:
            try:
                manifest = manifest_of_plan(plan, self.store.manifest)
            except EnvcError:
                return None  # the store lacks a tree, and could not get it again
        if manifest is None or manifest.digest() != wanted:
            return None
        folder = f"{self.directory.generation(number)}/manifests"
        with writable(self.directory.generation(number)):
            make_folder(folder)
        for place in (self.store.layer_manifest(wanted), f"{folder}/{name}"):
            if known_digest(place) != wanted:
                make_folder(os.path.dirname(place))
                write_file(place, manifest.text(), mode=FILE_MODE)
                self.note(f"generation {number}", f"manifests/{name}", "changed", mended=True)
        return manifest

    def sources(self, record: Generation, name: str, plan: TreePlan | None) -> Source:
        """Where each path of a layer comes from: a sound file of the store, or the plan's own."""
        found: dict[str, str | WriteFile] = {}
        for tree in reversed(record.layers[name].store_ids()):
            if f"{tree}/manifest" in self.damaged:
                continue
            for line in self.store.manifest(tree).lines:
                path = path_of(line).decode()
                if f"{tree}/{path}" not in self.damaged:
                    found[path] = f"{self.store.tree(tree)}/{path}"
        if plan is not None:
            found |= {file.path: file for file in plan.files}
        return found.get


def _damage(store: Store, tree: str) -> list[Difference]:
    """What is wrong with a stored tree; of one whose records are damaged, that alone."""
    try:
        manifest = store.manifest(tree)
        problems = verify_tree(manifest, store.tree(tree))
        if not tree.startswith(f"{RUNTIME}-"):
            store.facts(tree)
    except EnvcError:
        return [Difference("manifest", "changed")]
    return problems
