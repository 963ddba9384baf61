"""A directory's store, filled from the locks, and the plans of what stands on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import NormalizedName

from envc.disk.durable import make_folder
from envc.disk.locks import exclusive
from envc.errors import EnvcError, OutsideError
from envc.formats.scripts import program_script
from envc.host.context import Context
from envc.model.bundle import BundleFile
from envc.model.digest import Digest, digest_of, hex_of, is_forgeable
from envc.model.generation import GenerationWheel
from envc.model.lock import UNSEEN, LockedPin, LockedWheel
from envc.model.manifest import FILE_MODE, Entry
from envc.model.names import FILL_LOCK, site_packages_of
from envc.model.publication import PublishedLayer
from envc.model.spec import IndexSpec
from envc.model.stack import Stack, StackLayer
from envc.model.value import replace, value
from envc.model.wheel import WheelFacts
from envc.plan.tree import StoredTree, plan_tree
from envc.store import Store, store_id, tree_id
from envc.target.directory import Directory, read_bytes
from envc.target.libraries import library_folders, listings_of_masked
from envc.view.editable import origin_of
from envc.view.places import site_packages
from envc.view.programs import programs_of
from envc.view.stack_file import RUNTIME_FILES
from envc.view.tree import view

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from envc.index import WheelFiles
    from envc.store.portable import TreeStream

Fetched = TypeVar("Fetched")
Chosen = Sequence[tuple[LockedPin, LockedWheel]]
Weigh = Callable[[Sequence[LockedWheel], Sequence[str]], None]

_FETCHES_AT_ONCE = 8
# The name of the stored tree with the start-up files.
RUNTIME = "envc-runtime"


def _chunks_of(stream: "Callable[[], TreeStream]") -> Iterator[bytes]:
    """The chunks of a stream that is opened when the first is asked for."""
    yield from stream().chunks


@value
class Stock:
    """The store of `directory`, for a core of version `python` whose executable is `interpreter`.

    `wheelhouse` is a folder, or a bundle, to take wheels from before any index is asked;
    credentials of `indexes` serve for wheels that are fetched from them. Before all of these, what
    a `lender` has in its store is copied from there: it was unpacked and compiled once.
    """

    directory: Directory
    python: str
    interpreter: str
    wheelhouse: str | BundleFile | None
    indexes: tuple[IndexSpec, ...]
    context: Context
    lender: Directory | None = None

    @property
    def store(self) -> Store:
        """The store itself."""
        return Store(self.directory.store)

    def seen(self, chosen: Chosen) -> Chosen:
        """The chosen wheels, each with a digest: files of which a lock has another hash are read.

        Raises:
            OutsideError: a wheel cannot be had.
            UntrustedError: it has not the lock's hash.
        """
        unseen = [wheel for _, wheel in chosen if wheel.digest == UNSEEN]
        if not unseen:
            return chosen
        with self._fetching(unseen) as (pool, fetcher):
            seen = dict(zip(unseen, self._each(pool, fetcher.seen, unseen), strict=True))
        for wheel in seen.values():
            self.context.reporter.warn(_said_of_seen(wheel))
        return [(pin, seen.get(wheel, wheel)) for pin, wheel in chosen]

    def fill(self, wheels: Iterable[LockedWheel], *, weigh: Weigh | None = None) -> None:
        """Bring every wheel that the store lacks; their paths are absolute.

        Who finds another run at it waits, and then brings what is lacking still; no longer than for
        any lock, as both may do it at once. `weigh` is shown those that it lacks, and their files,
        before the store is written.

        Raises:
            OutsideError: a wheel cannot be had, or the disk refused.
            UntrustedError: a wheel differs from its lock, or is hostile.
        """
        missing = self._missing(wheels)
        if not missing:
            return
        with ExitStack() as held:
            with suppress(OutsideError, OSError):
                make_folder(self.directory.store)
                held.enter_context(exclusive(f"{self.directory.store}/{FILL_LOCK}"))
            self._bring(self._missing(missing.values()), weigh)

    def _missing(self, wheels: Iterable[LockedWheel]) -> dict[Digest, LockedWheel]:
        """Those that the store lacks."""
        has, python = self.store.has, self.python
        return {wheel.digest: wheel for wheel in wheels if not has(store_id(wheel.digest, python))}

    def _bring(self, missing: dict[Digest, LockedWheel], weigh: Weigh | None) -> None:
        if missing and self.lender is not None:
            missing = self._from_lender(self.lender, missing)
        if missing and isinstance(self.wheelhouse, BundleFile):
            missing = self._from_bundle(self.wheelhouse, missing)
        if not missing:
            return
        from envc.index import broken_promises  # bundles and full stores need none

        lacking = [missing[digest] for digest in sorted(missing)]
        with self.fetched(lacking) as paths:
            if weigh is not None:
                weigh(lacking, paths)
            self.store.ingest(
                list(zip(paths, lacking, strict=True)),
                python=self.python,
                interpreter=self.interpreter,
                reporter=self.context.reporter,
                judge=broken_promises(self.context.cache, lacking),
            )

    def _from_lender(
        self, lender: Directory, missing: dict[Digest, LockedWheel]
    ) -> dict[Digest, LockedWheel]:
        """Copy what the lender has; what it has not, or not as it was published, is left."""
        from envc.store.portable import receive_trees, tree_stream

        store, root = Store(lender.store), self.directory.store
        names = {digest: store_id(digest, self.python) for digest in missing}
        lent = {digest: name for digest, name in names.items() if store.has(name)}
        if not lent:
            return missing
        trees = {
            name: _chunks_of(partial(tree_stream, lender.store, name)) for name in lent.values()
        }
        try:
            receive_trees(root, trees, source=lender.path, reporter=self.context.reporter)
        except EnvcError as error:
            said = f"{lender.path}: its store lends nothing: {error.faults[0].what}"
            self.context.reporter.warn(said)
            return missing
        return {digest: wheel for digest, wheel in missing.items() if digest not in lent}

    def _from_bundle(
        self, file: BundleFile, missing: dict[Digest, LockedWheel]
    ) -> dict[Digest, LockedWheel]:
        """Bring what the bundle has; those that it has not."""
        from envc.bundle.site import SiteBundle  # most wheels come otherwise
        from envc.store.portable import receive_trees

        ids = {digest: store_id(digest, self.python) for digest in missing}
        start_up = tree_id(RUNTIME, runtime_sources(RUNTIME_FILES, self.python), self.python)
        wanted = {*ids.values(), *([] if self.store.has(start_up) else [start_up])}
        with SiteBundle(file) as bundle:
            trees, root = bundle.trees(wanted), self.directory.store
            if trees:
                receive_trees(root, trees, source=file.path, reporter=self.context.reporter)
        return {digest: wheel for digest, wheel in missing.items() if ids[digest] not in trees}

    @contextmanager
    def fetched(self, wheels: list[LockedWheel]) -> Iterator[list[str]]:
        """Local files with the bytes of these wheels, in their order; afterwards they may go."""
        with self._fetching(wheels) as (pool, fetcher):
            yield self._each(pool, fetcher.fetch, wheels)

    def _each(
        self,
        pool: "ThreadPoolExecutor",
        fetch: Callable[[LockedWheel], Fetched],
        wheels: list[LockedWheel],
    ) -> list[Fetched]:
        try:
            return list(pool.map(fetch, wheels))
        finally:
            self.context.reporter.finish("download")

    @contextmanager
    def _fetching(
        self, wheels: list[LockedWheel]
    ) -> Iterator[tuple["ThreadPoolExecutor", "WheelFiles"]]:
        """Who fetches these wheels, several at once."""
        from concurrent.futures import ThreadPoolExecutor

        from envc.index import WheelFiles  # bundles and full stores need none

        context = self.context
        wheelhouses = (self.wheelhouse,) if isinstance(self.wheelhouse, str) else ()
        total = sum(wheel.size_bytes or 0 for wheel in wheels)
        context.reporter.start("download", total, "bytes")
        # the pool first: a fetcher that is closed lets go of what the pool waits for
        with (
            ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool,
            WheelFiles(
                cache=context.cache,
                wheelhouses=wheelhouses,
                indexes=self.indexes,
                offline=context.offline,
                reporter=context.reporter,
            ) as fetcher,
        ):
            yield pool, fetcher

    def facts(self, chosen: Chosen) -> tuple[WheelFacts, ...]:
        """What the store knows of these wheels, in their order."""
        store = self.store
        return tuple(store.facts(store_id(wheel.digest, self.python)) for _, wheel in chosen)

    def start_up_tree(self, names: Iterable[str] = RUNTIME_FILES) -> str:
        """The stored tree of these start-up modules, made unless it is there; its id.

        Raises:
            OutsideError: the disk refused, or the interpreter cannot be started.
        """
        return self.store.add_tree(
            RUNTIME,
            runtime_sources(names, self.python),
            python=self.python,
            interpreter=self.interpreter,
        )

    def plan(self, stack: Stack, chosen: Chosen, *, lock: Digest) -> PublishedLayer:
        """The plan of the top of a stack, whose own wheels are `chosen`.

        Raises:
            UntrustedError: two wheels claim one path with different content.
        """
        store = self.store
        seen = view(
            replace(
                stack,
                libraries=library_folders(store, stack),
                entry_points=entry_points(store, stack),
                listings=listings_of_masked(stack),
                records=records_of(store, stack),
            )
        )
        runtime = self.start_up_tree(seen.runtime_files)
        wheels = tuple(
            GenerationWheel(pin.project, pin.version, store_id(wheel.digest, self.python))
            for pin, wheel in chosen
        )
        named = [(each.store_id, f"{each.project} {each.version}") for each in wheels]
        trees = [
            StoredTree(tree, title, store.manifest(tree))
            for tree, title in (*named, (runtime, "envc"))
        ]
        plan, manifest = plan_tree(stack.top.name, trees, seen)
        store.keep_manifest(manifest)
        return PublishedLayer(plan, lock, stack.top.closure, wheels, runtime)


def _said_of_seen(wheel: LockedWheel) -> str:
    checksum = wheel.checksum or ""
    algorithm = checksum.partition(":")[0]
    said = f"the lock has no sha256 of {wheel.filename}: its {algorithm} fits"
    if is_forgeable(checksum):
        said += f" (a file of the same {algorithm} can be made)"
    return f"{said}, its sha256 is {hex_of(wheel.digest)}"


def stack_layer(
    directory: Directory, name: str, *, closure: Digest, wheels: tuple[WheelFacts, ...], python: str
) -> StackLayer:
    """A layer of `directory` as stacks see it; its wheels are in the store.

    Raises:
        OutsideError: one of its scripts cannot be read.
    """
    return StackLayer(
        name=name,
        closure=closure,
        location=directory.path,
        subdirectory=directory.subdirectory(name),
        wheels=wheels,
        python_scripts=tuple(_python_scripts(Store(directory.store), wheels, python)),
    )


def _python_scripts(
    store: Store, wheels: Iterable[WheelFacts], python: str
) -> Iterator[tuple[str, bytes]]:
    for wheel in wheels:
        tree = store.tree(store_id(wheel.digest, python))
        for path in wheel.scripts:
            text = program_script(read_bytes(f"{tree}/{path}"))
            if text is not None:
                yield path, text


def records_of(store: Store, stack: Stack) -> tuple[tuple[str, bytes], ...]:
    """The RECORDs of those of the top's wheels whose files in the tree are not those stored.

    Raises:
        OutsideError: a manifest of the store cannot be read.
    """
    found: list[tuple[str, bytes]] = []
    for wheel in stack.top.wheels:
        own = programs_of(stack.top, wheel) | origin_of(stack, wheel)
        if own:
            from envc.formats.installed_record import installed_record  # many layers need none

            record = f"{site_packages(stack)}/{wheel.dist_info}/RECORD"
            stored = store.manifest(store_id(wheel.digest, stack.python)).entries()
            entries = {entry.path: entry for entry in stored if entry.kind == "f"}
            for path, text in own.items():
                content = hex_of(digest_of(text))
                entries[path] = Entry("f", FILE_MODE, len(text), content, path)
            del entries[record]
            found.append((record, installed_record(entries.values(), record)))
    return tuple(found)


def entry_points(store: Store, stack: Stack) -> tuple[tuple[NormalizedName, str], ...]:
    """The texts of the `entry_points.txt` of the top's stored wheels, those in UTF-8; "": none.

    Raises:
        OutsideError: one cannot be read.
    """
    found: list[tuple[NormalizedName, str]] = []
    for wheel in stack.top.wheels:
        tree = store.tree(store_id(wheel.digest, stack.python))
        path = f"{tree}/{site_packages(stack)}/{wheel.dist_info}/entry_points.txt"
        try:
            text = read_bytes(path, missing_is_fine=True).decode()
        except FileNotFoundError:
            text = ""
        except UnicodeDecodeError:
            continue
        found.append((wheel.project, text))
    return tuple(found)


def stacked(
    top: StackLayer, hides: Iterable[NormalizedName], below: tuple[StackLayer, ...]
) -> tuple[StackLayer, ...]:
    """`top` on the layers `below` it, which lose what it installs itself and what it hides."""
    covered = {wheel.project for wheel in top.wheels} | set(hides)
    projects = [{wheel.project for wheel in layer.wheels} for layer in below]
    masks = [layer.masked | (covered & own) for layer, own in zip(below, projects, strict=True)]
    return (top, *(replace(layer, masked=mask) for layer, mask in zip(below, masks, strict=True)))


def runtime_sources(names: Iterable[str], python: str) -> dict[str, bytes]:
    """The start-up modules by their path in a tree."""
    folder = resources.files("envc.runtime")
    return {
        f"{site_packages_of(python)}/{name}.py": folder.joinpath(f"{name}.py").read_bytes()
        for name in sorted(names)
    }
