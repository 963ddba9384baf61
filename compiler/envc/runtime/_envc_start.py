r"""Makes a process see its stack: runs at start-up in users' interpreters, from a `.pth` line.

In: `_envc_stack.txt` beside this module, the printer of which is `envc.view.stack_file`. One record
a line, fields separated by tabs; `layer` and `base` begin the records that follow them:

    envc-stack    1                              version of the format
    core          cpython  3.11                  what the tree was compiled for
    layer         alice    SUBDIRECTORY  MTIME  sha256:…
                                                 the tree's own layer; its site-packages' mtime (s)
    base          user     all           sha256:…  LOCATION  SUBDIRECTORY
    base          system   masked        sha256:…  LOCATION  SUBDIRECTORY
                                                 a LOCATION of `.` is the tree's own
    name          numpy                          importable from that layer, whole; dotted when it
    name          google.cloud                   stands in a namespace of which a part is masked
    namespace     google                         a namespace package of which a part is masked
    distribution  numpy    numpy-2.4.1.dist-info metadata of the layer, or visible of a masked base
    start         foo.pth                        a start-up file of a base, in order of name

Out: `sys.prefix`, `sys.executable` and `sys.path` name the generation itself, so that the process
and its children stay on it while `current` moves; the generation's lease is held; the bases stand
on `sys.path` behind the layer. A base with masked projects is represented by an entry below its
own `_envc_stack.txt`, which is a file: nothing can ever exist there, so whatever lists directories
by itself finds nothing (and asks the node's disk), and a path hook serves what is visible.

`ENVC_LOCK`, the closure digest of a common layer, pins a whole job: a common layer started from
another generation goes on in the one that holds that digest (`_envc_lock`). An overlay does not
heed it: it never runs on another base than the one it was compiled for, which it names itself.

Every process of every user pays for what is imported here: nothing that the interpreter has not
loaded by then, if it can be helped.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import (  # type: ignore[attr-defined] # typeshed lacks the last
    FileFinder,
    SourcelessFileLoader,
    _get_supported_file_loaders,
)

FORMAT = "1"
HERE = "."
DATA_FILE = "_envc_stack.txt"
START_STEM = "+envc_stack"
LIBRARIES = ("/lib", "/lib64")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import DistributionFinder, PathDistribution
    from types import ModuleType
    from typing import Any, NoReturn


class Layer:
    """A layer as the data file describes it; a base has a `location`.

    `folder` is the real path of its site-packages, `entry` what stands on `sys.path` for it. With
    no `closure` it is no generation of envc but a virtual environment on top of one.
    """

    def __init__(self, name: str, subdirectory: str) -> None:
        self.name = name
        self.subdirectory = subdirectory
        self.mtime_seconds = 0
        self.masked = False
        self.closure = ""
        self.location = ""
        self.folder = ""
        self.entry = ""
        self.names: set[str] = set()
        self.namespaces: set[str] = set()
        self.distributions: list[tuple[str, str]] = []
        self.start_files: list[str] = []

    def note(self, kind: str, name: str, folder: str = "") -> None:
        """Take in one of the records that follow the layer's own."""
        if kind == "name":
            self.names.add(name)
        elif kind == "namespace":
            self.namespaces.add(name)
        elif kind == "distribution":
            self.distributions.append((name, folder))
        elif kind == "start":
            self.start_files.append(name)

    def prefix(self) -> str:
        """The root of the layer's tree: `lib/pythonX.Y/site-packages` taken off."""
        return parent(self.folder, 3)

    def generation(self) -> str:
        """The root of the layer's generation: where the lease is."""
        return parent(self.prefix(), len(self.subdirectory.split("/")) if self.subdirectory else 0)


class IndexedFinder(FileFinder):
    """The ordinary finder of a directory, asked only for the names that are known to be there.

    `lasting` says that the directory never changes; of any other the index is given up when the
    import caches are invalidated.
    """

    def __init__(self, folder: str, names: set[str], *, lasting: bool) -> None:
        super().__init__(folder, *_get_supported_file_loaders())
        self.names: set[str] | None = names
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


class MaskedFinder:
    """Serves the visible part of a base's directory.

    `inside` is the dotted name of the namespace package that the directory is a portion of, empty
    for site-packages. Not a `FileFinder`: what knows those lists their directory by itself.
    """

    def __init__(self, path: str, layer: Layer, inside: str) -> None:
        self.path = path
        self.layer = layer
        self.inside = inside
        folder = "/".join((layer.folder, *inside.split("."))) if inside else layer.folder
        self.ordinary = FileFinder(folder, *_get_supported_file_loaders())

    def __repr__(self) -> str:
        return f"MaskedFinder({self.path!r})"

    def find_spec(self, fullname: str, target: "ModuleType | None" = None) -> ModuleSpec | None:
        """The spec of a visible module, the visible portion of a namespace, or None."""
        name = fullname.rpartition(".")[2]
        dotted = self.dotted(name)
        if dotted in self.layer.names:
            return self.ordinary.find_spec(fullname, target)
        if dotted in self.layer.namespaces:
            spec = ModuleSpec(fullname, None)
            spec.submodule_search_locations = [f"{self.path}/{name}"]
            return spec
        return None

    def iter_modules(self, prefix: str = "") -> "Iterator[tuple[str, bool]]":
        """The visible modules for `pkgutil`: (prefix + name, whether it is a package)."""
        import pkgutil

        for _, found, is_package in pkgutil.iter_modules([self.ordinary.path], prefix):
            if self.dotted(found[len(prefix) :]) in self.layer.names:
                yield found, is_package

    def invalidate_caches(self) -> None:
        """Forget the directory's listing."""
        self.ordinary.invalidate_caches()

    def dotted(self, name: str) -> str:
        """The name as the index has it."""
        return f"{self.inside}.{name}" if self.inside else name


class PathHook:
    """Answers `sys.path_hooks` for the entries of this stack, and for nothing else."""

    def __init__(self, own: Layer, bases: "list[Layer]", *, own_is_indexed: bool) -> None:
        self.own = own if own_is_indexed else None
        self.bases = {base.entry: base for base in bases}

    def __call__(self, path: str) -> "FileFinder | MaskedFinder":
        """The finder of a path entry.

        Raises:
            ImportError: the entry is somebody else's.
        """
        if self.own is not None and path == self.own.entry:
            return IndexedFinder(path, self.own.names, lasting=False)
        layer = self.bases.get(path)
        if layer is not None and layer.names and not layer.masked:
            return IndexedFinder(path, layer.names, lasting=True)
        folder, below, rest = path.partition(f"/{DATA_FILE}/")
        if below:
            name, _, inside = rest.partition("/")
            layer = self.bases.get(f"{folder}{below}{name}")
            inside = inside.replace("/", ".")
            if layer is not None and (not inside or inside in layer.namespaces):
                return MaskedFinder(path, layer, inside)
            if layer is not None and inside in layer.names:
                folder = "/".join((layer.folder, *inside.split(".")))
                return FileFinder(folder, *_get_supported_file_loaders())
        raise ImportError("not an entry of this stack", path=path)


class MaskedDistributions:
    """Stands on `sys.meta_path` for metadata alone: the visible distributions of masked bases."""

    def __init__(self, bases: "list[Layer]") -> None:
        self.bases = {base.entry: base for base in bases if base.masked}

    def find_spec(
        self, fullname: str, path: object = None, target: "ModuleType | None" = None
    ) -> None:
        """None: modules are found through `sys.path`."""

    def find_distributions(
        self, context: "DistributionFinder.Context | None" = None
    ) -> "Iterator[PathDistribution]":
        """The visible distributions that a context asks for."""
        found: Iterator[PathDistribution] = helper("_envc_metadata").visible_distributions(
            self.bases, context
        )
        return found


class VenvWatch:
    """Stands on `sys.meta_path` for `venv` alone: environments made with it can see the stack."""

    def __init__(self, own: Layer) -> None:
        self.own = own

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """The spec of `venv`, adapted; None for every other module."""
        if fullname != "venv":
            return None
        found: ModuleSpec | None = helper("_envc_venv").adapted_spec(self.own)
        return found


def helper(name: str) -> "Any":
    """A module that stands beside this one.

    Its bytecode is read by one look at the storage, where an import would take five.
    """
    if (present := sys.modules.get(name)) is not None:
        return present
    loader = SourcelessFileLoader(name, str(__spec__.cached).replace("_envc_start.", f"{name}."))
    try:
        code = loader.get_code(name)
    except (OSError, ImportError, EOFError):  # there is none for this interpreter
        return __import__(name)
    module = sys.modules[name] = type(sys)(name)
    exec(code, vars(module))  # type: ignore[arg-type] # noqa: S102 - a loader does no other
    return module


def parent(path: str, levels: int) -> str:
    """The folder so many levels above."""
    for _ in range(levels):
        path = os.path.dirname(path)
    return path


def fail(what: str, mend: str) -> "NoReturn":
    """Say what is wrong and end the process with status 1.

    An exception would not do: `site` turns some into a warning and others into a fatal error with
    a traceback.
    """
    os.write(2, f"envc: {what}\n  mend: {mend}\n".encode(errors="backslashreplace"))
    os._exit(1)


def real_path(descriptor: int, path: str) -> str:
    """The real path of what is open, without another look at its storage."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # no /proc
        return os.path.realpath(path)


def listed_mtime(folder: str) -> float:
    """The mtime of the folder, in seconds, as the import of this module has just found it."""
    finder = sys.path_importer_cache.get(folder)
    known: float | None = getattr(finder, "_path_mtime", None)
    return os.stat(folder).st_mtime if known is None else known


def read_layers(alias: str) -> "list[Layer]":
    """The layers of the data file in that folder, the tree's own first, which is found thereby.

    Ends the process on another core.
    """
    path = f"{alias}/{DATA_FILE}"
    rebuild = "build the tree again: `envc materialize`, for an overlay `envc overlay sync`"
    try:
        with open(path, encoding="utf-8") as file:
            path = real_path(file.fileno(), path)
            records = [line.split("\t") for line in file.read().split("\n") if line]
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror})", rebuild)
    if records[:1] != [["envc-stack", FORMAT]]:
        fail(f"{path}: not a stack of format {FORMAT}", rebuild)
    folder = os.path.dirname(path)
    layers: list[Layer] = []
    for kind, *fields in records[1:]:
        if kind == "core":
            check_core(folder, *fields)
        elif kind == "layer":
            layers.append(Layer(fields[0], fields[1]))
            layers[0].folder = layers[0].entry = folder
            layers[0].mtime_seconds, layers[0].closure = int(fields[2]), fields[3]
        elif kind == "base":
            base = Layer(fields[0], fields[4])
            base.masked = fields[1] == "masked"
            base.closure, base.location = fields[2], fields[3]
            layers.append(base)
        else:
            layers[-1].note(kind, *fields)
    return layers


def check_core(folder: str, implementation: str, python: str) -> None:
    """End the process unless it runs on the core that the tree was compiled for."""
    running = sys.implementation.name, "{}.{}".format(*sys.version_info)
    if running != (implementation, python):
        fail(
            f"{parent(folder, 3)}: compiled for {implementation} {python},"
            f" but {' '.join(running)} runs it",
            f"start {parent(folder, 3)}/bin/python, or build the tree again with the core that is"
            " wanted",
        )


def locate(base: Layer, overlay: Layer) -> None:
    """Find a base by its digest, or end the process with a message."""
    location = parent(overlay.generation(), 2) if base.location == HERE else base.location
    by_lock = f"by-lock/{base.closure.rpartition(':')[2]}" if base.closure else ""
    tree = "/".join(filter(None, (location, by_lock, base.subdirectory)))
    folder = f"{tree}/lib/python{{}}.{{}}/site-packages".format(*sys.version_info)
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        if not overlay.closure:
            fail(
                f"{overlay.prefix()}: the layer {base.name!r} that this virtual environment was"
                f" made on is not there ({error.strerror})\n  path: {tree}",
                "make the environment again, with the python of the stack that it shall see:"
                f" `…/bin/python -m venv --clear --system-site-packages {overlay.prefix()}`",
            )
        fail(
            f"{overlay.prefix()}: this node does not hold the base {base.name!r} that the layer"
            f" {overlay.name!r} was compiled for ({error.strerror})\n"
            f"  digest: {base.closure}\n"
            f"  target: {location}",
            "`envc overlay sync` compiles the overlay for the base that is here;"
            f" an administrator's `envc converge --target {location}` brings this one back",
        )
    base.folder = real_path(descriptor, folder)
    os.close(descriptor)


def hold_lease(layer: Layer) -> None:
    """Take a shared lock on the layer's generation for as long as the process and its forks live.

    Does not wait: whoever may read the file can lock it, and must not stop other users' processes.
    """
    import fcntl

    try:
        descriptor = os.open(f"{layer.generation()}/.lease", os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)


class Pin:
    """Keeps the paths of this process on the generation that `folder` is in.

    `aliases` are the paths by which `site` may come to the same site-packages.
    """

    def __init__(self, alias: str, layer: Layer) -> None:
        self.layer = layer
        self.folder = layer.folder
        self.aliases = {alias, layer.folder}
        prefix, pinned = sys.prefix, layer.prefix()
        if alias.startswith(f"{prefix}/"):
            inside = layer.folder[len(pinned) + len("/lib") :]
            self.aliases |= {root + lib + inside for root in (prefix, pinned) for lib in LIBRARIES}
            self.pin_prefix(prefix, pinned)
        self.pin_path()

    def pin_prefix(self, prefix: str, pinned: str) -> None:
        """Put the generation's own path in the place of the one that the process started with."""
        sys.prefix = sys.exec_prefix = pinned
        if sys.executable.startswith(f"{prefix}/"):
            sys.executable = pinned + sys.executable[len(prefix) :]
        site = sys.modules["site"]
        site.PREFIXES[:] = [pinned if path == prefix else path for path in site.PREFIXES]

    def pin_path(self) -> None:
        """Let `sys.path` name the folder once, by its own path, and what is below it likewise."""
        path: list[str] = []
        for entry in sys.path:
            alias = next((a for a in self.aliases if f"{entry}/".startswith(f"{a}/")), None)
            if alias is None:
                path.append(entry)
            elif (pinned := self.folder + entry[len(alias) :]) not in path:
                path.append(pinned)
        sys.path[:] = path


def take_over_pth(pin: Pin, before: "str | None") -> None:
    """Let `site` hand this layer's other `.pth` files to `run_pth`, each once.

    `site` would put their directories behind the bases and under a path that moves with `current`,
    and Python 3.11 to 3.13 read them twice. From 3.15 on, this module starts after them.
    """
    site = sys.modules["site"]
    add_package = getattr(site, "addpackage", None)
    add_folder = getattr(site, "addsitedir", None)
    if add_package is None or add_folder is None:
        return
    done = {f"{START_STEM}.pth"}

    def addpackage(sitedir: str, name: str, known_paths: "set[str] | None") -> object:
        if sitedir not in pin.aliases:
            return add_package(sitedir, name, known_paths)
        pin.pin_path()
        if name not in done:
            done.add(name)
            helper("_envc_start_files").run_pth(pin.layer, name, before)
        return known_paths

    def addsitedir(
        sitedir: str, known_paths: "set[str] | None" = None, **options: object
    ) -> object:
        if known_paths is not None and sitedir in pin.aliases:
            return known_paths  # the second pass: `site` alone gives known paths
        return add_folder(sitedir, known_paths, **options)

    site.addpackage, site.addsitedir = addpackage, addsitedir  # type: ignore[attr-defined] # ModuleType


def show_bases(own: Layer, bases: "list[Layer]", *, own_is_indexed: bool) -> None:
    """Put the bases on `sys.path`, and their finders where Python asks for them."""
    for base in bases:
        locate(base, own)
        hold_lease(base)
        if not base.closure:
            base.start_files = start_files_of(base.folder)
        base.entry = f"{base.folder}/{DATA_FILE}/{base.name}" if base.masked else base.folder
    sys.path_hooks.insert(0, PathHook(own, bases, own_is_indexed=own_is_indexed))
    if any(base.masked for base in bases):
        sys.meta_path.append(MaskedDistributions(bases))
    if any(base.namespaces for base in bases):
        serve_resources(bases)
    if own_is_indexed:
        index_metadata(own)
    for entry in (own.entry, *(base.entry for base in bases)):
        sys.path_importer_cache.pop(entry, None)
    sys.path.extend(base.entry for base in bases if base.entry not in sys.path)


def index_metadata(own: Layer) -> None:
    """Let `importlib.metadata` list the layer's own distributions without its storage.

    It looks at every folder of the path for each question; and imports ask for versions.
    """
    from _frozen_importlib_external import PathFinder

    finder_class: Any = PathFinder
    ordinary = finder_class.find_distributions

    def find_distributions(context: "DistributionFinder.Context | None" = None) -> object:
        finder = sys.path_importer_cache.get(own.entry)
        if getattr(finder, "names", None) is None:  # the index has been given up
            return ordinary() if context is None else ordinary(context)
        return helper("_envc_metadata").indexed_distributions(own, ordinary, context)

    finder_class.find_distributions = staticmethod(find_distributions)


def serve_resources(bases: "list[Layer]") -> None:
    """Let `importlib.resources` read namespace packages of which a portion is masked.

    Its own reader wants directories only, and the entry of a masked portion is none.
    """
    from _frozen_importlib_external import NamespaceLoader

    loader_class: Any = NamespaceLoader
    masked = {f"{base.entry}/": base for base in bases if base.namespaces}
    ordinary = loader_class.get_resource_reader

    def get_resource_reader(loader: "Any", module: str) -> object:
        path = list(loader._path)  # noqa: SLF001 - it is the method of that class
        if not any(entry.startswith(tuple(masked)) for entry in path):
            return ordinary(loader, module)
        return helper("_envc_resources").reader_of(path, masked)

    loader_class.get_resource_reader = get_resource_reader


def start_files_of(folder: str) -> list[str]:
    """The start-up files in a folder, but for envc's own, in order of name."""
    names = sorted(os.listdir(folder))
    return [n for n in names if n.endswith((".pth", ".start")) and not n.startswith(START_STEM)]


_started = False


def start() -> None:
    """Make this process see the stack of the tree that this module stands in; once."""
    global _started  # noqa: PLW0603 - `site` may call again, from another pass
    if _started:
        return
    _started = True
    alias = os.path.dirname(__file__)
    own, *bases = read_layers(alias)
    wanted = os.environ.get("ENVC_LOCK")
    if wanted and own.subdirectory and wanted != own.closure:
        helper("_envc_lock").keep_to(wanted, own)
    pin = Pin(alias, own)
    hold_lease(own)
    sys.meta_path.insert(-1, VenvWatch(own))  # before the finder of `sys.path`, which is last
    if bases:
        show_bases(own, bases, own_is_indexed=listed_mtime(alias) == own.mtime_seconds)
    take_over_pth(pin, bases[0].entry if bases else None)
    if any(base.start_files for base in bases):
        helper("_envc_start_files").run_start_files(bases, callables=sys.version_info >= (3, 15))
