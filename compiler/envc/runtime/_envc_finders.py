"""Finds modules and metadata in a stack: its own layer by an index, its bases as far as they show.

Every directory of a published tree has one modification time. As long as it has, what was in it is
in it: it is opened once, and its files are loaded without asking for more than their bytecode.

The bases stand on `sys.path` behind the layer. One with masked projects is represented by an entry
below its own `_envc_stack.txt`, which is a file: nothing can ever exist there, so whatever lists
directories by itself finds nothing (and asks the node's disk), and a path hook serves what is
visible.
"""

import _imp
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import (  # type: ignore[attr-defined] # typeshed lacks some
    FileFinder,
    PathFinder,
    SourceFileLoader,
    _classify_pyc,
    _compile_bytecode,
    _get_supported_file_loaders,
    cache_from_source,
    spec_from_file_location,
)

from _envc_stack import (  # type: ignore[import-not-found] # it stands beside
    locate,
    start_files_of,
)
from _envc_start import helper  # type: ignore[import-not-found] # it stands beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import Distribution, DistributionFinder
    from types import CodeType, ModuleType
    from typing import Any, TypeAlias

    from envc.runtime._envc_stack import Layer

    FindDistributions: TypeAlias = Callable[..., Iterator[Distribution]]
    Listing: TypeAlias = dict[str, bool]


UNCHECKED = 0b01  # Source: PEP 552, the flags of bytecode that no source is compared with
HEADER_SIZE_BYTES = 16


class PublishedLoader(SourceFileLoader):
    """Loads a module of a published tree: its bytecode is not to be compared with its source.

    So the source is not looked at either; and it is the bytecode beside it, also for a process that
    keeps its own elsewhere. Any other bytecode is left to the ordinary loader.
    """

    def get_code(self, fullname: str) -> "CodeType | None":
        """The module's code."""
        folder, name = self.path.rpartition("/")[0], cache_from_source(self.path).rpartition("/")[2]
        path = f"{folder}/__pycache__/{name}"
        try:
            content = self.get_data(path)
            flags = _classify_pyc(content, fullname, {"name": fullname, "path": path})
        except (OSError, ImportError, EOFError):
            return super().get_code(fullname)
        if flags != UNCHECKED or _imp.check_hash_based_pycs == "always":
            return super().get_code(fullname)
        code: CodeType = _compile_bytecode(
            memoryview(content)[HEADER_SIZE_BYTES:], fullname, path, self.path
        )
        return code

    def path_stats(self, path: str) -> "dict[str, Any]":
        """What tells whether bytecode is that of a source.

        All published files have one, in whole seconds. Bytecode elsewhere outlives its tree, and
        the same path may be another release's: the inode's last change tells them apart.
        """
        if sys.pycache_prefix is None:
            return super().path_stats(path)  # type: ignore[return-value] # a mapping for typeshed
        status = os.stat(path)
        return {"mtime": status.st_ctime_ns, "size": status.st_size}


LOADERS = [
    (PublishedLoader if loader is SourceFileLoader else loader, suffixes)
    for loader, suffixes in _get_supported_file_loaders()
]
# Those that an index of names was made for; import hooks may add to `SOURCE_SUFFIXES`.
INDEXED_SUFFIXES = [suffix for _, suffixes in LOADERS for suffix in suffixes]


class PublishedFinder(FileFinder):
    """The finder of a directory of a published tree: it is opened once, and not asked again.

    That holds for a directory that has the modification time that it was published with, until the
    import caches are invalidated; for any other the ordinary finder answers.
    """

    def __init__(self, folder: str, mtime_seconds: int) -> None:
        super().__init__(folder, *LOADERS)
        self.mtime_seconds = mtime_seconds

    def find_spec(self, fullname: str, target: "ModuleType | None" = None) -> ModuleSpec | None:
        """The spec of a module or package here, or None."""
        name = fullname.rpartition(".")[2]
        inside = f"{self.path}/{name}"
        listing = listing_of(self.path, self.mtime_seconds)
        if listing is None:
            return super().find_spec(fullname, target)
        if not listing.get(name, False):
            return self.spec(fullname, inside, listing, None)
        below = listing_of(inside, self.mtime_seconds)
        if below is None:
            return super().find_spec(fullname, target)
        package = self.spec(fullname, f"{inside}/__init__", below, [inside])
        found = package or self.spec(fullname, inside, listing, None)
        if found is None:
            found = ModuleSpec(fullname, None)
            found.submodule_search_locations = [inside]
        return found

    def spec(
        self, fullname: str, path: str, listing: "Listing", locations: "list[str] | None"
    ) -> ModuleSpec | None:
        """The spec of the first file in the listing that begins as the path does, or None."""
        name = path.rpartition("/")[2]
        for suffix, loader in self._loaders:  # type: ignore[attr-defined] # typeshed lacks it
            if listing.get(name + suffix) is False:
                return spec_from_file_location(
                    fullname,
                    path + suffix,
                    loader=loader(fullname, path + suffix),
                    submodule_search_locations=locations,
                )
        return None

    def invalidate_caches(self) -> None:
        """Forget what directories have in them."""
        listings.clear()
        super().invalidate_caches()


listings: "dict[str, Listing | None]" = {}


def listing_of(folder: str, mtime_seconds: int) -> "Listing | None":
    """What is in a directory: name → whether it is a directory.

    None: it is no directory, cannot be read, or has another time.
    """
    if folder in listings:
        return listings[folder]
    found: Listing | None = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_mtime == mtime_seconds:
            with os.scandir(descriptor) as entries:
                found = {entry.name: entry.is_dir() for entry in entries}
    finally:
        os.close(descriptor)
    listings[folder] = found
    return found


class IndexedFinder(PublishedFinder):
    """The finder of a site-packages, asked only for the names that are known to be there.

    `lasting` says that the directory never changes; of any other the index is given up when the
    import caches are invalidated. Where there is none, or suffixes were added since it was made,
    the directory is opened.
    """

    def __init__(self, folder: str, names: set[str], mtime_seconds: int, *, lasting: bool) -> None:
        super().__init__(folder, mtime_seconds)
        suffixes = [suffix for suffix, _ in self._loaders]  # type: ignore[attr-defined] # as above
        self.names = names if names and suffixes == INDEXED_SUFFIXES else None
        self.lasting = lasting

    def find_spec(self, fullname: str, target: "ModuleType | None" = None) -> ModuleSpec | None:
        """The spec of a module here, or None: without touching the disk for unknown names."""
        if self.names is not None and fullname.rpartition(".")[2] not in self.names:
            return None
        return super().find_spec(fullname, target)

    def invalidate_caches(self) -> None:
        """Forget the directory's listing."""
        if not self.lasting:
            self.names = None
        super().invalidate_caches()


class MaskedFinder(FileFinder):
    """Serves the visible part of a base's directory, from where it is in the base.

    Of an environment, a package that joins others may be visible in part: like a namespace, but
    with its own file, where that is not masked.

    `path` is the folder of links that shows that part to whoever lists folders. `inside` is the
    dotted name of the namespace package that it is a portion of, empty for site-packages.
    """

    def __init__(self, path: str, layer: "Layer", inside: str, *, mtime_seconds: int) -> None:
        super().__init__(path, *LOADERS)
        self.layer = layer
        self.inside = inside
        folder = "/".join((layer.folder, *inside.split("."))) if inside else layer.folder
        if layer.identity:
            self.ordinary = FileFinder(folder, *_get_supported_file_loaders())
        else:
            self.ordinary = PublishedFinder(folder, mtime_seconds)

    def find_spec(self, fullname: str, target: "ModuleType | None" = None) -> ModuleSpec | None:
        """The spec of a visible module, the visible portion of a namespace, or None."""
        name = fullname.rpartition(".")[2]
        dotted = self.dotted(name)
        if dotted in self.layer.names:
            return self.ordinary.find_spec(fullname, target)
        if dotted in self.layer.namespaces:
            shown = super().find_spec(fullname, target) if self.layer.identity else None
            own = self.ordinary.find_spec(fullname, target) if shown and shown.loader else None
            spec = own or ModuleSpec(fullname, None)
            spec.submodule_search_locations = [f"{self.path}/{name}"]
            return spec
        return None

    def invalidate_caches(self) -> None:
        """Forget the directory's listing."""
        self.ordinary.invalidate_caches()

    def dotted(self, name: str) -> str:
        """The name as the index has it."""
        return f"{self.inside}.{name}" if self.inside else name


class PathHook:
    """Answers `sys.path_hooks` for the entries of this stack, and for nothing else."""

    def __init__(self, own: "Layer", bases: "list[Layer]", *, own_is_indexed: bool) -> None:
        self.own_is_indexed = own_is_indexed
        self.mtime_seconds = own.mtime_seconds
        self.own = own
        self.bases = {base.entry: base for base in bases}
        published = (layer for layer in (own, *bases) if not layer.identity)
        self.folders = tuple(f"{layer.folder}/" for layer in published)

    def __call__(self, path: str) -> FileFinder:
        """The finder of a path entry.

        Raises:
            ImportError: the entry is somebody else's.
        """
        mtime = self.mtime_seconds
        if path == self.own.entry and self.own_is_indexed:
            return IndexedFinder(path, self.own.names, mtime, lasting=False)
        layer = self.bases.get(path)
        if layer is not None and layer.names and not layer.masked:
            return IndexedFinder(path, layer.names, mtime, lasting=True)
        for entry, layer in self.bases.items():
            if layer.masked and f"{path}/".startswith(f"{entry}/"):
                inside = path[len(entry) + 1 :].replace("/", ".")
                if not inside or inside in layer.namespaces:
                    return MaskedFinder(path, layer, inside, mtime_seconds=mtime)
                if inside in layer.names and not layer.identity:
                    return PublishedFinder("/".join((layer.folder, *inside.split("."))), mtime)
        if path.startswith(self.folders) and listing_of(path, mtime) is not None:
            return PublishedFinder(path, mtime)
        raise ImportError("not an entry of this stack", path=path)


def show_bases(own: "Layer", bases: "list[Layer]", *, own_is_indexed: bool) -> None:
    """Put the bases on `sys.path`, and the stack's finders where Python asks for them."""
    for base in bases:
        locate(base, own)
        if not base.closure and not base.identity:
            base.start_files = start_files_of(base.folder)
        # The tree that shows it: not that of a virtual environment on top.
        viewer = next(layer for layer in (own, *bases) if layer.closure)
        base.entry = f"{viewer.prefix()}/{base.shown}" if base.masked else base.folder
    sys.path_hooks.insert(0, PathHook(own, bases, own_is_indexed=own_is_indexed))
    index_metadata(own, bases, PathFinder)
    for entry in (own.entry, *(base.entry for base in bases)):
        sys.path_importer_cache.pop(entry, None)
    if os.environ.get("PYTHONPATH") and any(base.identity for base in bases):
        helper("_envc_described").leave_to_stack(bases)
    sys.path.extend(base.entry for base in bases if base.entry not in sys.path)
    name_bases([base.entry for base in bases])


def name_bases(folders: list[str]) -> None:
    """Let `site.getsitepackages` name the bases, as it names the system's for a venv that sees it.

    Who looks for libraries or headers asks it. So does `site` itself, which shall not run what the
    bases have for start-up.
    """
    site: Any = sys.modules["site"]
    ordinary = site.getsitepackages

    def getsitepackages(prefixes: "Any" = None) -> list[str]:
        found: list[str] = ordinary(prefixes)
        asker = sys._getframe(1).f_code.co_name  # noqa: SLF001 - nothing else tells who asks
        return found if prefixes is not None or asker == "addsitepackages" else [*found, *folders]

    site.getsitepackages = getsitepackages


def index_metadata(own: "Layer", bases: "list[Layer]", finder_class: "Any") -> None:
    """Let a finder of distributions list those of the layer itself without its storage.

    It looks at every folder of the path for each question; and imports ask for versions. What is
    shown of a base is listed as it is in the base: else tools would take the links for the layer's
    own files, and remove them.
    """
    ordinary: FindDistributions = finder_class.find_distributions
    masked = {base.entry: base for base in bases if base.masked}

    def find_distributions(
        context: "DistributionFinder.Context | None" = None,
    ) -> "Iterator[Distribution]":
        finder = sys.path_importer_cache.get(own.entry)
        known = dict(masked)
        if getattr(finder, "names", None) is not None:  # else the index has been given up
            known[own.entry] = own
        if not known:
            return ordinary() if context is None else ordinary(context)
        found: Iterator[Distribution] = helper("_envc_adapters").indexed_distributions(
            known, ordinary, context
        )
        return found

    finder_class.find_distributions = staticmethod(find_distributions)
