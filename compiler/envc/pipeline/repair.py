"""`envc repair`: store and generations brought back to their manifests.

1. Every stored tree that a generation is linked from is compared with its manifest, and that with
   the manifests of the layers. A damaged one is moved aside and ingested again from its wheel.
2. Every tree of every generation is compared with its manifest, and what differs is linked again
   from the store, or written again from the plan.
"""

import os
from dataclasses import dataclass, field

from envc.disk.durable import disk_error, sync_file_system, write_file
from envc.disk.locks import exclusive
from envc.errors import EnvcError, UsageError
from envc.formats.pylock import lock_from_text
from envc.materialize.collect import empty_trash, move_to_trash, reachable_trees
from envc.materialize.directory import Directory, read_bytes
from envc.materialize.mend import Source, mend_modes, mend_tree
from envc.materialize.verify import Problem, verify_tree
from envc.model.digest import digest_of
from envc.model.generation import Generation
from envc.model.lock import LockedWheel
from envc.model.manifest import Manifest, manifest_from_text, path_of
from envc.model.plan import TreePlan, WriteFile
from envc.pipeline.base import directory_at
from envc.pipeline.context import Context
from envc.pipeline.planned import kept_plans
from envc.pipeline.stock import RUNTIME, RUNTIME_MODULES, Stock, runtime_sources
from envc.pipeline.verify import records_in
from envc.plan import manifest_of_plan
from envc.store import Store, store_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A path that was not as published. `where` is `store`, or the generation and the layer."""

    where: str
    path: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What was mended, and what could not be; `ok` when nothing is left."""

    ok: bool
    target: str
    repaired: tuple[Mended, ...]
    unrepaired: tuple[Mended, ...]


def repair(path: str, wheelhouse: str | None, context: Context) -> RepairReport:
    """Mend a target, or an overlay's folder.

    Raises:
        UsageError: nothing is materialized here, or it is somebody else's.
        OutsideError: a wheel cannot be had, or the disk refused.
    """
    directory = directory_at(path)
    if not directory.numbers():
        raise UsageError("nothing is materialized here", where=directory.path)
    directory.refuse_foreign()
    with exclusive(directory.lock), exclusive(directory.store_lock):
        mending = _Mending(directory, wheelhouse, context)
        try:
            mending.run()
        except OSError as error:
            raise disk_error(error, "repair", directory.path) from error
    return RepairReport(
        ok=not mending.unrepaired,
        target=directory.path,
        repaired=tuple(mending.repaired),
        unrepaired=tuple(mending.unrepaired),
    )


@dataclass
class _Mending:
    """One run: what is known of the directory, and what was done."""

    directory: Directory
    wheelhouse: str | None
    context: Context
    repaired: list[Mended] = field(default_factory=list)
    unrepaired: list[Mended] = field(default_factory=list)
    records: dict[int, Generation] = field(default_factory=dict)

    def run(self) -> None:
        for number in self.directory.numbers():
            try:
                self.records[number] = self.directory.record(number)
            except EnvcError:
                self.left(f"generation {number}", "manifest.json", "changed")
        self.mend_store()
        plans = {layer.digest: layer for layer in kept_plans(self.directory)}
        for number, record in self.records.items():
            for name, layer in record.layers.items():
                self.mend_layer(number, name, plans.get(layer.digest))
        sync_file_system(self.directory.path)
        empty_trash(self.directory)

    def left(self, where: str, path: str, kind: str) -> None:
        self.unrepaired.append(Mended(where=where, path=path, kind=kind))

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
                mended = mend_modes(self.store.manifest(tree), self.store.tree(tree))
            else:
                mended = self.ingest_again(tree)
            into = self.repaired if mended else self.unrepaired
            into += [
                Mended(where="store", path=f"{tree}/{problem.path}", kind=problem.kind)
                for problem in problems
            ]

    def ingest_again(self, tree: str) -> bool:
        """Whether a stored tree could be made anew; its wheel is fetched before it is moved."""
        record = next(r for r in self.records.values() if tree in reachable_trees([r]))
        stock = Stock(
            self.directory, record.python, record.interpreter, self.wheelhouse, self.context
        )
        if tree.startswith(f"{RUNTIME}-"):
            move_to_trash(self.directory, f"{self.directory.store}/wheels/{tree}")
            sources = runtime_sources(RUNTIME_MODULES, record.python)
            made = self.store.add_tree(
                RUNTIME, sources, python=record.python, interpreter=record.interpreter
            )
            return made == tree
        wheel = self.wheel_of(tree, record.python)
        if wheel is None:
            return False
        stock.fetch([wheel])
        move_to_trash(self.directory, f"{self.directory.store}/wheels/{tree}")
        stock.fill([(wheel, self.directory.path)])
        return True

    def wheel_of(self, tree: str, python: str) -> LockedWheel | None:
        """The wheel that a stored tree was unpacked from, as a generation's lock has it."""
        for number, record in self.records.items():
            folder = f"{self.directory.generation(number)}/site"
            for layer in record.layers:
                path = f"{folder}/pylock.{layer}.toml"
                lock = lock_from_text(read_bytes(path), path, layer)
                for pin in lock.pins:
                    for wheel in pin.wheels:
                        if store_id(wheel.digest, python) == tree:
                            return wheel
        return None

    def mend_layer(self, number: int, name: str, plan: TreePlan | None) -> None:
        """Bring a layer's manifest, then its tree, back to what the record says."""
        where = f"generation {number}, layer {name}"
        manifest = self.mend_manifest(number, name, plan)
        if manifest is None:
            self.left(where, f"manifests/{name}", "changed")
            return
        root = self.directory.tree(number, name)
        ignore = records_in(self.directory)
        problems = verify_tree(manifest, root, ignore=ignore)
        if not problems:
            return
        sources = self.sources(self.records[number], name, plan)
        mend_tree(manifest, root, problems, sources)
        left = {problem.path for problem in verify_tree(manifest, root, ignore=ignore)}
        for problem in problems:
            into = self.unrepaired if problem.path in left else self.repaired
            into.append(Mended(where=where, path=problem.path, kind=problem.kind))

    def mend_manifest(self, number: int, name: str, plan: TreePlan | None) -> Manifest | None:
        """A layer's manifest as its record names it, made anew from the plan if need be."""
        wanted = self.records[number].layers[name].digest
        path = f"{self.directory.generation(number)}/manifests/{name}"
        kept = self.store.layer_manifest(wanted)
        for candidate in (path, kept):
            if os.path.exists(candidate):
                text = read_bytes(candidate)
                if digest_of(text) == wanted:
                    break
        else:
            if plan is None:
                return None
            text = manifest_of_plan(plan, self.store.manifest).text()
            if digest_of(text) != wanted:
                return None
        for place in (kept, path):
            if not os.path.exists(place) or read_bytes(place) != text:
                write_file(place, text, mode=0o444)
                self.repaired.append(
                    Mended(where=f"generation {number}", path=f"manifests/{name}", kind="changed")
                )
        return manifest_from_text(text)

    def sources(self, record: Generation, name: str, plan: TreePlan | None) -> Source:
        """Where each path of a layer comes from: a file of the store, or the plan's own."""
        found: dict[str, str | WriteFile] = {}
        for tree in reversed(record.layers[name].store_ids()):
            for line in self.store.manifest(tree).lines:
                path = path_of(line).decode()
                found[path] = f"{self.store.tree(tree)}/{path}"
        if plan is not None:
            found |= {file.path: file for file in plan.files}
        return found.get


def _damage(store: Store, tree: str) -> list[Problem]:
    """What is wrong with a stored tree; of one whose records are damaged, that alone."""
    try:
        manifest = store.manifest(tree)
        problems = verify_tree(manifest, store.tree(tree))
        if not tree.startswith(f"{RUNTIME}-"):
            store.facts(tree)
    except (EnvcError, ValueError, KeyError):
        return [Problem("manifest", "changed")]
    return problems
