r"""Reads what a tree stands on: the data file beside this module, and where its layers are.

In: `_envc_stack.txt`, the printer of which is `envc.view.stack_file`. One record a line, fields
separated by tabs; `layer` and `base` begin the records that follow them:

    envc-stack    2                              version of the format
    core          cpython  3.11                  what the tree was compiled for
    layer         alice    SUBDIRECTORY  MTIME  sha256:…
                                                 the tree's own layer; its site-packages' mtime (s)
    base          user     all           sha256:…  LOCATION  SUBDIRECTORY
    base          system   masked        sha256:…  LOCATION  SUBDIRECTORY
                                                 a LOCATION of `.` is the tree's own
    base          base     all           ""       FOLDER
    identity      SECONDS  sha256:…      refuse  a described base: the FOLDER itself, its mtime, the
                                                 digest of its metadata's names; `warn` goes on
    folder        lib/python3.11/bases/user      where the tree shows the rest of a masked base
    names         numpy    google.cloud  …       importable from that layer, whole; dotted when they
                                                 stand in a namespace of which a part is masked
    namespaces    google   …                     namespace packages of which a part is masked
    start         foo.pth  …                     the start-up files of a base, in order of name
    distributions numpy    numpy-2.4.1.dist-info  …
                                                 metadata of the layer, or visible of a masked base
    points        numpy    [console_scripts] …   all lines of its entry_points.txt; none: no such
                                                 file; without the record, the file is asked; last

Out: the layers, the tree's own first. What cannot be run ends the process with a message.
"""

import os
import sys

from _envc_start import helper  # type: ignore[import-not-found] # it stands beside

FORMAT = "2"
HERE = "."
DATA_FILE = "_envc_stack.txt"
START_STEM = "+envc_stack"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Layer:
    """A layer as the data file describes it; a base has a `location`.

    `folder` is the real path of its site-packages, `entry` what stands on `sys.path` for it: where
    a part of it is masked, a folder of links to the rest, at `shown` in the tree. With no `closure`
    it is no generation of envc but a virtual environment on top of one, or, with an `identity`, a
    folder that somebody else fills: then `location` is that folder, and `inode` what it is.
    `told` has the fields of the records that follow the layer's own, by kind, as one text each;
    `points` is the text of those of entry points. Few processes ask for either (`_envc_adapters`).
    """

    def __init__(self, name: str, subdirectory: str, records: str = "") -> None:
        self.name = name
        self.subdirectory = subdirectory
        self.mtime_seconds = 0
        self.masked = False
        self.closure = ""
        self.location = ""
        self.folder = ""
        self.entry = ""
        self.inode = (0, 0)
        records, _, self.points = records.partition("\npoints\t")
        self.told = dict(line.split("\t", 1) for line in records.split("\n") if line)
        self.shown = self.told.get("folder", "")
        self.names = {*self.fields("names")}
        self.namespaces = {*self.fields("namespaces")}
        self.start_files = self.fields("start")
        self.identity = self.fields("identity")

    def fields(self, kind: str) -> list[str]:
        """The fields of the record of a kind; none where there is no such record."""
        return self.told[kind].split("\t") if kind in self.told else []

    def prefix(self) -> str:
        """The root of the layer's tree: `lib/pythonX.Y/site-packages` taken off."""
        return parent(self.folder, 3)

    def generation(self) -> str:
        """The root of the layer's generation: where the lease is."""
        return parent(self.prefix(), len(self.subdirectory.split("/")) if self.subdirectory else 0)

    def stable_prefix(self) -> str:
        """The path by which people name the layer: it leads through `current`."""
        location = parent(self.generation(), 2)
        return f"{location}/{self.subdirectory}" if self.subdirectory else location

    def target_of(self, base: "Layer") -> str:
        """The target directory that a base of this layer stands in."""
        return parent(self.generation(), 2) if base.location == HERE else base.location


def parent(path: str, levels: int) -> str:
    """The folder so many levels above."""
    for _ in range(levels):
        path = os.path.dirname(path)
    return path


def python_word() -> str:
    """The X.Y that runs, with a `t` for the free-threaded build, as in the names of folders."""
    return "{}.{}".format(*sys.version_info) + "t" * ("t" in sys.abiflags)


def refusals() -> "Any":
    """What says why this process ends, and ends it."""
    return helper("_envc_refusals")


def real_path(descriptor: int, path: str) -> str:
    """The real path of what is open, without another look at its storage."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # no /proc
        return os.path.realpath(path)


def read_layers(alias: str) -> list[Layer]:
    """The layers of the data file in that folder, the tree's own first, which is found thereby.

    Ends the process on another core.
    """
    path = f"{alias}/{DATA_FILE}"
    try:
        with open(path, "rb", buffering=0) as file:
            path = real_path(file.fileno(), path)
            text = os.fsdecode(file.read())  # it names paths, in whatever the locale takes them for
    except OSError as error:
        refusals().refuse_data(path, f"cannot be read ({error.strerror})")
    own, *bases = text.split("\nbase\t")
    head, _, own = own.partition("\nlayer\t")
    version, _, core = head.partition("\ncore\t")
    if version != f"envc-stack\t{FORMAT}":
        refusals().refuse_data(path, f"not a stack of format {FORMAT}")
    folder = os.path.dirname(path)
    check_core(folder, *core.split("\t"))
    return [own_layer(own, folder), *map(base_layer, bases)]


def own_layer(text: str, folder: str) -> Layer:
    """The tree's own layer, of the text behind the first word of its record."""
    (name, subdirectory, mtime_seconds, closure), records = parted(text)
    layer = Layer(name, subdirectory, records)
    layer.folder = layer.entry = folder
    layer.mtime_seconds, layer.closure = int(mtime_seconds), closure
    return layer


def base_layer(text: str) -> Layer:
    """A base, of the text behind the first word of its record."""
    (name, view, closure, location, subdirectory), records = parted(text)
    base = Layer(name, subdirectory, records)
    base.masked = view == "masked"
    base.closure, base.location = closure, location
    return base


def parted(text: str) -> tuple[list[str], str]:
    """The fields of the first record, and the text of those that follow it."""
    first, end, rest = text.partition("\n")
    return first.split("\t"), end + rest


def check_core(folder: str, implementation: str, python: str) -> None:
    """End the process unless it runs on the core that the tree was compiled for."""
    running = sys.implementation.name, python_word()
    if running != (implementation, python):
        refusals().refuse_core(parent(folder, 3), f"{implementation} {python}", " ".join(running))


def locate(base: Layer, overlay: Layer) -> None:
    """Find a base by its digest, or end the process with a message."""
    if base.identity:
        locate_described(base, overlay)
        return
    location = overlay.target_of(base)
    by_lock = f"by-lock/{base.closure.rpartition(':')[2]}" if base.closure else ""
    tree = "/".join(filter(None, (location, by_lock, base.subdirectory)))
    folder = f"{tree}/lib/python{python_word()}/site-packages"
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        refusals().refuse_missing(base, overlay, tree, error.strerror)
    base.folder = real_path(descriptor, folder)
    os.close(descriptor)


def locate_described(base: Layer, overlay: Layer) -> None:
    """Find a described folder, and see whether it is as it was described.

    Its time is enough where it is the same: whoever adds or removes a distribution changes it.
    """
    seconds, names, kind = base.identity
    try:
        descriptor = os.open(base.location, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        helper("_envc_described").refuse_absent(base, overlay, error.strerror)
    status = os.fstat(descriptor)
    base.folder = real_path(descriptor, base.location)
    base.inode = (status.st_dev, status.st_ino)
    os.close(descriptor)
    if int(status.st_mtime) != int(seconds):
        helper("_envc_described").look(base, overlay, names, is_warned=kind == "warn")


def start_files_of(folder: str) -> list[str]:
    """The start-up files in a folder, but for envc's own, in order of name."""
    names = sorted(os.listdir(folder))
    return [n for n in names if n.endswith((".pth", ".start")) and not n.startswith(START_STEM)]
