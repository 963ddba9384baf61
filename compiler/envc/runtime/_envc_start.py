"""Makes a process see its stack: runs at start-up in users' interpreters, from a `.pth` line.

In: the layers that `_envc_stack` reads. Out: `sys.prefix`, `sys.executable` and `sys.path` name the
generation itself, so that the process and its children stay on it while `current` moves; the leases
of its generations are held; the bases stand on `sys.path` behind the layer (`_envc_finders`).

`ENVC_LOCK`, the closure digest of a common layer, pins a whole job: a common layer started from
another generation goes on in the one that holds that digest (`_envc_lock`). An overlay does not
heed it: it never runs on another base than the one it was compiled for, which it names itself.

Programs note what `sys.executable` is, and start it when that generation is long past: then the
process goes on in the current one. `ENVC_GENERATIONS`, the paths of generations, is handed down:
what a process starts stays on its generation.

Every process of every user pays for what is loaded here. Of the shared storage that a tree may
stand on, each of these modules asks for one file, its bytecode; the `.pth` line does the same for
this one (`envc.view.stack_file`). Else, nothing that the interpreter has not loaded by then.
"""

import os
import sys
from _frozen_importlib import _load  # type: ignore[attr-defined] # typeshed lacks it
from _frozen_importlib_external import (
    EXTENSION_SUFFIXES,
    PathFinder,
    SourcelessFileLoader,
    spec_from_file_location,
)

LIBRARIES = ("/lib", "/lib64")
LEASE = ".lease"
HANDED_DOWN = "ENVC_GENERATIONS"
# Of a `struct flock`, on every 64-bit Linux.
FLOCK_BYTES = 32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envc.runtime._envc_stack import Layer

# Where this module's siblings are: as the process was started, later by the real path.
_folder = os.path.dirname(__file__)
_started = False


def helper(name: str) -> "Any":
    """A module that stands beside this one.

    Its bytecode is read by one look at the storage, where an import would take five.
    """
    if (present := sys.modules.get(name)) is not None:
        return present
    path = f"{_folder}/__pycache__/{name}.{sys.implementation.cache_tag}.pyc"
    try:
        code = SourcelessFileLoader(name, path).get_code(name)
    except (OSError, ImportError, EOFError):  # there is none for this interpreter
        return __import__(name)
    module = sys.modules[name] = type(sys)(name)
    module.__file__ = f"{_folder}/{name}.py"
    exec(code, vars(module))  # type: ignore[arg-type] # noqa: S102 - a loader does no other
    return module


def extension(name: str) -> "Any":
    """A compiled module of the standard library, from the folder of its kind: without a search."""
    if (present := sys.modules.get(name)) is not None:
        return present
    folder = next((path for path in sys.path if path.endswith("/lib-dynload")), None)
    if folder is not None and name not in sys.builtin_module_names:
        path = f"{folder}/{name}{EXTENSION_SUFFIXES[0]}"
        try:
            return _load(spec_from_file_location(name, path))
        except ImportError:
            pass
    return __import__(name)


def mapped_here() -> str:
    """What this process has mapped by now; empty for one that no other has handed anything down to.

    A sub-interpreter runs this module anew, in a process that holds its leases: by a mapping of its
    own it would later close a descriptor, whose number may be another file's by then.
    """
    if HANDED_DOWN not in os.environ and "ENVC_LOCK" not in os.environ:
        return ""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            return maps.read()
    except OSError:  # no /proc
        return ""


def hold_lease(layer: "Layer", mapped: str) -> None:
    """Hold the lease of the layer's generation for as long as the process and its forks live.

    By a lock for reading on the open file, which nobody can refuse who may not write there, and of
    which the kernel tells whoever asks; by a shared flock, which is what an earlier envc looks for
    and anybody may hold against us; and by a mapping. Waits for nobody.
    """
    if layer.identity:
        return
    lease = f"{layer.generation()}/{LEASE}"
    if f" {lease}\n" in mapped:
        return
    try:
        descriptor = os.open(lease, os.O_RDONLY)
    except OSError:
        return
    fcntl = extension("fcntl")
    try:  # noqa: SIM105 - contextlib may not be loaded by now
        # All zeros: F_RDLCK, from the start, to the end.
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, bytes(FLOCK_BYTES))
    except (OSError, AttributeError):
        pass
    try:  # noqa: SIM105 - likewise
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass
    keep_open(descriptor)


def keep_open(descriptor: int) -> None:
    """Keep an open file's locks although the process closes all descriptors, as daemons do.

    What is mapped stays open. Until Python 3.12 the mapping closes a descriptor of its own at its
    end; so it stands in `sys`, which is taken down last: what a daemon opened under its number is
    closed by then.
    """
    mmap = extension("mmap")
    options = {"trackfd": False} if sys.version_info >= (3, 13) else {}
    try:
        mapped = mmap.mmap(descriptor, 1, mmap.MAP_SHARED, mmap.PROT_READ, **options)
    except (OSError, ValueError):  # the leases of 0.1 are empty
        return
    os.close(descriptor)
    sys.__dict__.setdefault("_envc_leases", []).append(mapped)


class Pin:
    """Keeps the paths of this process on the generation that `folder` is in.

    `aliases` are the paths by which `site` may come to the same site-packages; `before` are the
    entries of `sys.path` that were there first, `added` those that `.pth` files put there.
    """

    def __init__(self, alias: str, layer: "Layer") -> None:
        self.layer = layer
        self.folder = layer.folder
        self.aliases = {alias, layer.folder}
        place = sys.path.index(alias) if alias in sys.path else len(sys.path)
        self.before = frozenset(sys.path[:place])
        self.added: list[str] = []
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
        stable = "" if self.layer.subdirectory else self.layer.stable_prefix()
        if stable and os.environ.get("VIRTUAL_ENV") in (prefix, stable):
            os.environ["VIRTUAL_ENV"] = pinned  # it is no link to it: IPython takes it for another
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

    def note_added(self, bases: "list[Layer]") -> None:
        """Note which entries are neither what was there first nor folders of the stack."""
        known = {self.folder, *self.added, *(base.entry for base in bases)} | self.before
        self.added += [path for path in sys.path if path not in known]


def take_over_pth(pin: Pin, bases: "list[Layer]") -> None:
    """Let `site` hand this layer's other `.pth` files to `run_own_pth`, each once.

    `site` would put their directories behind the bases and under a path that moves with `current`,
    and Python 3.11 to 3.13 read them twice.
    """
    site = sys.modules["site"]
    add_package = getattr(site, "addpackage", None)
    if add_package is None:
        return
    done = {f"{helper('_envc_stack').START_STEM}.pth"}

    def addpackage(sitedir: str, name: str, known_paths: "set[str] | None") -> object:
        if sitedir not in pin.aliases:
            return add_package(sitedir, name, known_paths)
        pin.pin_path()
        if name not in done:
            done.add(name)
            before = bases[0].entry if bases else None
            helper("_envc_start_files").run_own_pth(pin.layer, name, before)
            pin.note_added(bases)
        return known_paths

    site.addpackage = addpackage  # type: ignore[attr-defined] # ModuleType


def take_over_folders(pin: Pin, bases: "list[Layer]") -> None:
    """Let `site.addsitedir` take a folder of this stack as one that is done: no file runs again.

    Who gives a set of known paths asks what the folder and its `.pth` files put on `sys.path`: so
    pip finds what to take off it, where it builds in isolation. `site` itself knows all that was
    there first.
    """
    site = sys.modules["site"]
    add_folder = getattr(site, "addsitedir", None)
    if add_folder is None:
        return
    entries = {folder: base.entry for base in bases for folder in (base.entry, base.folder)}
    entries |= {base.location: base.entry for base in bases if base.identity}
    entries |= dict.fromkeys(pin.aliases, pin.folder)

    def addsitedir(
        sitedir: str, known_paths: "set[str] | None" = None, **options: object
    ) -> object:
        if (entry := entries.get(sitedir)) is None:
            return add_folder(sitedir, known_paths, **options)
        if known_paths is not None and known_paths.isdisjoint(pin.before):
            for path in (entry, *(pin.added if entry == pin.folder else ())):
                if path not in known_paths:
                    sys.path.append(path)
                    known_paths.add(path)
        return known_paths

    site.addsitedir = addsitedir  # type: ignore[attr-defined] # ModuleType


def take_over_imports(pin: Pin) -> None:
    """From Python 3.15 on: run the `import` lines of this layer's other `.pth` files in its place.

    `site` has put all directories on the path, is at the lines of all files, and would give them a
    `sitedir` that moves with `current`. The functions of `.start` files it calls afterwards.
    """
    frame = sys._getframe()  # noqa: SLF001 - nothing else leads to what `site` has read
    while frame.f_back is not None and frame.f_code.co_name != "_exec_imports":
        frame = frame.f_back
    state = frame.f_locals.get("self")
    functions = getattr(state, "_entrypoints", {})
    own = f"{helper('_envc_stack').START_STEM}.pth"
    for path, lines in getattr(state, "_importexecs", {}).items():
        folder, _, name = path.rpartition("/")
        replaced = f"{path.removesuffix('.pth')}.start" in functions
        if folder in pin.aliases and name != own and not replaced:
            lines.clear()
            helper("_envc_start_files").run_import_lines(pin.layer, name)


class Adapter:
    """Stands on `sys.meta_path` for a few modules, and runs each with what a stack needs of it.

    Which modules these are, and what they need, is told in `_envc_adapters`.
    """

    def __init__(self, own: "Layer", bases: "list[Layer]", *, own_is_indexed: bool) -> None:
        self.own = own
        self.bases = bases
        self.names = {"venv", "sysconfig"}
        if bases and sys.version_info < (3, 12):
            self.names.add("importlib.resources.readers")
        if own_is_indexed or any(base.masked for base in bases):
            self.names.add("importlib_metadata")

    def find_spec(self, fullname: str, path: object = None, *_: object) -> "Any":
        """The spec of a module to adapt, whose loader then adapts it; None for every other."""
        if fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path)  # type: ignore[arg-type] # of whoever imports
        if spec is None or spec.loader is None:
            return spec
        run, adapted = spec.loader.exec_module, helper("_envc_adapters").ADAPTED[fullname]
        spec.loader.exec_module = lambda module: adapted(module, run, self.own, self.bases)  # type: ignore[method-assign] # of this one instance
        return spec


def stay_or_go_on(own: "Layer", alias: str) -> None:
    """Go on in the current generation where another was started by its own path, but for a reason.

    And hand this one down to what the process starts.
    """
    generation = own.generation()
    number = generation.rpartition("/")[2]
    known = os.environ.get(HANDED_DOWN, "")
    listed = known.split(os.pathsep) if known else []
    if generation in listed:
        return
    if f"/generations/{number}/" in alias:
        try:
            current = os.readlink(f"{os.path.dirname(os.path.dirname(generation))}/current")
        except OSError:  # a copy
            current = number
        if current.rpartition("/")[2] != number:
            helper("_envc_lock").go_on(own)
    os.environ[HANDED_DOWN] = os.pathsep.join([*listed, generation])


def start() -> None:
    """Make this process see the stack of the tree that this module stands in; once."""
    global _started, _folder  # noqa: PLW0603 - `site` may call again; `current` may move
    if _started:
        return
    _started = True
    mapped = mapped_here()
    alias = _folder
    own, *bases = helper("_envc_stack").read_layers(alias)
    _folder = own.folder
    wanted = os.environ.get("ENVC_LOCK")
    if wanted and own.subdirectory:
        if wanted != own.closure:
            helper("_envc_lock").keep_to(wanted, own)
    elif own.closure:
        stay_or_go_on(own, alias)
    pin = Pin(alias, own)
    hold_lease(own, mapped)
    # Bytecode elsewhere is told by the time of its source, and published files have one.
    has_finders = bool(bases) or sys.pycache_prefix is not None
    own_is_indexed = has_finders and os.stat(own.folder).st_mtime == own.mtime_seconds
    adapter = Adapter(own, bases, own_is_indexed=own_is_indexed)
    sys.meta_path.insert(-1, adapter)  # before the finder of `sys.path`, which is last
    if has_finders:
        helper("_envc_finders").show_bases(own, bases, own_is_indexed=own_is_indexed)
    for base in bases:
        hold_lease(base, mapped)
    staged = sys.version_info >= (3, 15)
    if not staged:
        take_over_pth(pin, bases)
    take_over_folders(pin, bases)
    if any(base.start_files for base in bases):
        helper("_envc_start_files").run_start_files(bases, staged=staged)
    if staged:
        take_over_imports(pin)
    pin.note_added(bases)
