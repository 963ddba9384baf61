"""A directory's store, filled from the locks, and the plans of what stands on it."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources

from packaging.utils import NormalizedName

from envc.formats.scripts import runs_python_beside
from envc.index import WheelFetcher
from envc.materialize.directory import Directory, read_bytes
from envc.model.digest import Digest
from envc.model.generation import GenerationWheel
from envc.model.lock import LockedPin, LockedWheel
from envc.model.publication import PublishedLayer
from envc.model.stack import Stack, StackLayer
from envc.model.wheel import WheelFacts
from envc.pipeline.context import Context
from envc.pipeline.libraries import library_folders
from envc.plan import StoredTree, plan_tree
from envc.store import Store, store_id
from envc.view import view
from envc.view.stack_file import RUNTIME_FILES

Chosen = Sequence[tuple[LockedPin, LockedWheel]]

_FETCHES_AT_ONCE = 8
# The name of the stored tree with the start-up files, and all of their modules.
RUNTIME = "envc-runtime"
RUNTIME_MODULES = RUNTIME_FILES


@dataclass(frozen=True, slots=True)
class Stock:
    """The store of `directory`, for a core of version `python` whose executable is `interpreter`.

    `wheelhouse` is a folder to take wheels from before any index is asked.
    """

    directory: Directory
    python: str
    interpreter: str
    wheelhouse: str | None
    context: Context

    @property
    def store(self) -> Store:
        """The store itself."""
        return Store(self.directory.store)

    def fill(self, wheels: Iterable[tuple[LockedWheel, str]]) -> None:
        """Bring every wheel that the store lacks; each with the folder its lock stands in.

        Raises:
            OutsideError: a wheel cannot be had, or the disk refused.
            UntrustedError: a wheel differs from its lock, or is hostile.
        """
        store = self.store
        missing = {
            wheel.digest: _with_absolute_path(wheel, folder)
            for wheel, folder in wheels
            if not store.has(store_id(wheel.digest, self.python))
        }
        if not missing:
            return
        lacking = [missing[digest] for digest in sorted(missing)]
        paths = self.fetch(lacking)
        store.ingest(
            list(zip(paths, lacking, strict=True)),
            python=self.python,
            interpreter=self.interpreter,
            reporter=self.context.reporter,
        )

    def fetch(self, wheels: list[LockedWheel]) -> list[str]:
        """Local files with the bytes of these wheels, in their order."""
        context = self.context
        total = sum(wheel.size_bytes or 0 for wheel in wheels)
        context.reporter.start("download", total, "bytes")
        try:
            # the pool first: a fetcher that is closed lets go of what the pool waits for
            with (
                ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool,
                WheelFetcher(
                    cache=context.cache,
                    wheelhouses=(self.wheelhouse,) if self.wheelhouse else (),
                    offline=context.offline,
                    reporter=context.reporter,
                ) as fetcher,
            ):
                return list(pool.map(fetcher.fetch, wheels))
        finally:
            context.reporter.finish("download")

    def facts(self, chosen: Chosen) -> tuple[WheelFacts, ...]:
        """What the store knows of these wheels, in their order."""
        store = self.store
        return tuple(store.facts(store_id(wheel.digest, self.python)) for _, wheel in chosen)

    def plan(self, stack: Stack, chosen: Chosen, *, lock: Digest) -> PublishedLayer:
        """The plan of the top of a stack, whose own wheels are `chosen`.

        Raises:
            UntrustedError: two wheels claim one path with different content.
        """
        store = self.store
        seen = view(replace(stack, libraries=library_folders(store, stack)))
        runtime = store.add_tree(
            RUNTIME,
            runtime_sources(seen.runtime_files, self.python),
            python=self.python,
            interpreter=self.interpreter,
        )
        wheels = tuple(
            GenerationWheel(
                project=pin.project,
                version=pin.version,
                store_id=store_id(wheel.digest, self.python),
            )
            for pin, wheel in chosen
        )
        trees = [
            StoredTree(
                wheel.store_id,
                f"{wheel.project} {wheel.version}",
                store.manifest(wheel.store_id),
            )
            for wheel in wheels
        ]
        trees.append(StoredTree(runtime, "envc", store.manifest(runtime)))
        plan, manifest = plan_tree(stack.top.name, trees, seen)
        store.keep_manifest(manifest)
        return PublishedLayer(
            plan=plan,
            lock=lock,
            closure=stack.top.closure,
            wheels=wheels,
            runtime=runtime,
        )


def python_scripts(
    store: Store, wheels: Iterable[WheelFacts], python: str
) -> tuple[tuple[str, bytes], ...]:
    """The scripts of stored wheels that run the python beside them: path and text.

    Raises:
        OutsideError: one cannot be read.
    """
    found: list[tuple[str, bytes]] = []
    for wheel in wheels:
        for path in wheel.scripts:
            text = read_bytes(f"{store.tree(store_id(wheel.digest, python))}/{path}")
            if runs_python_beside(text):
                found.append((path, text))
    return tuple(found)


def stacked(
    top: StackLayer, hides: Iterable[NormalizedName], below: tuple[StackLayer, ...]
) -> tuple[StackLayer, ...]:
    """`top` on the layers `below` it, which lose what it installs itself and what it hides."""
    covered = {wheel.project for wheel in top.wheels} | set(hides)
    return (
        top,
        *(
            replace(
                layer,
                masked=layer.masked | (covered & {wheel.project for wheel in layer.wheels}),
            )
            for layer in below
        ),
    )


def runtime_sources(names: Iterable[str], python: str) -> dict[str, bytes]:
    """The start-up modules by their path in a tree."""
    folder = resources.files("envc.runtime")
    site_packages = f"lib/python{python}/site-packages"
    return {
        f"{site_packages}/{name}.py": folder.joinpath(f"{name}.py").read_bytes()
        for name in sorted(names)
    }


def _with_absolute_path(wheel: LockedWheel, folder: str) -> LockedWheel:
    if wheel.path is None:
        return wheel
    return replace(wheel, path=os.path.join(folder, wheel.path))
