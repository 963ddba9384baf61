r"""Reads what a tree stands on: the data file beside this module, and where its layers are.

In: `_envc_stack.txt`, the printer of which is `envc.view.stack_file`. One record a line, fields
separated by tabs; `layer` and `base` begin the records that follow them:

    envc-stack    1                              version of the format
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
    name          numpy                          importable from that layer, whole; dotted when it
    name          google.cloud                   stands in a namespace of which a part is masked
    namespace     google                         a namespace package of which a part is masked
    distribution  numpy    numpy-2.4.1.dist-info metadata of the layer, or visible of a masked base
    points        numpy    [console_scripts] …   all lines of its entry_points.txt; none: no such
                                                 file; without the record, the file is asked
    start         foo.pth                        a start-up file of a base, in order of name

Out: the layers, the tree's own first. What cannot be run ends the process with a message.
"""

import os
import sys

FORMAT = "1"
HERE = "."
DATA_FILE = "_envc_stack.txt"
START_STEM = "+envc_stack"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Layer:
    """A layer as the data file describes it; a base has a `location`.

    `folder` is the real path of its site-packages, `entry` what stands on `sys.path` for it: where
    a part of it is masked, a folder of links to the rest, at `shown` in the tree. With no `closure`
    it is no generation of envc but a virtual environment on top of one, or, with an `identity`, a
    folder that somebody else fills: then `location` is that folder, and `inode` what it is.
    `points` maps projects to the text of their entry points, empty for those that have none.
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
        self.shown = ""
        self.names: set[str] = set()
        self.namespaces: set[str] = set()
        self.distributions: list[tuple[str, str]] = []
        self.points: dict[str, str] = {}
        self.start_files: list[str] = []
        self.identity: tuple[str, ...] = ()
        self.inode = (0, 0)

    def note(self, kind: str, name: str, *rest: str) -> None:
        """Take in one of the records that follow the layer's own."""
        if kind == "name":
            self.names.add(name)
        elif kind == "namespace":
            self.namespaces.add(name)
        elif kind == "distribution":
            self.distributions.append((name, rest[0]))
        elif kind == "points":
            self.points[name] = "".join(f"{line}\n" for line in rest)
        elif kind == "start":
            self.start_files.append(name)
        elif kind == "folder":
            self.shown = name
        elif kind == "identity":
            self.identity = (name, *rest)

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


def parent(path: str, levels: int) -> str:
    """The folder so many levels above."""
    for _ in range(levels):
        path = os.path.dirname(path)
    return path


def fail(what: str, mend: str, *facts: str) -> "NoReturn":
    """Say what is wrong, and end the process with status 1.

    An exception would not do: `site` turns some into a warning and others into a fatal error with
    a traceback.
    """
    say(what, mend, *facts)
    os._exit(1)


def say(what: str, mend: str, *facts: str) -> None:
    """Say what is wrong, a line each for further facts."""
    lines = [f"envc: {what}", *(f"  {fact}" for fact in facts), f"  mend: {mend}"]
    os.write(2, "".join(f"{shown(line)}\n" for line in lines).encode(errors="backslashreplace"))


def shown(text: str) -> str:
    """A text with names from anywhere, as one line that can only be read."""
    text = text.replace("##", "#\\#")  # commands of CI systems, which read logs
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def python_word() -> str:
    """The X.Y that runs, with a `t` for the free-threaded build, as in the names of folders."""
    return "{}.{}".format(*sys.version_info) + "t" * ("t" in sys.abiflags)


def shell_word(word: str) -> str:
    """A word of a command that people paste, as a POSIX shell takes it."""
    from shlex import quote  # for messages

    return quote(word)


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
    rebuild = "build the tree again: `envc materialize`, for an overlay `envc overlay sync`"
    try:
        with open(path, "rb") as file:
            path = real_path(file.fileno(), path)
            text = os.fsdecode(file.read())  # it names paths, in whatever the locale takes them for
            records = [line.split("\t") for line in text.split("\n") if line]
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
    running = sys.implementation.name, python_word()
    if running != (implementation, python):
        fail(
            f"{parent(folder, 3)}: compiled for {implementation} {python},"
            f" but {' '.join(running)} runs it",
            f"start {parent(folder, 3)}/bin/python, or build the tree again with the core that is"
            " wanted",
        )


def locate(base: Layer, overlay: Layer) -> None:
    """Find a base by its digest, or end the process with a message."""
    if base.identity:
        locate_described(base, overlay)
        return
    location = parent(overlay.generation(), 2) if base.location == HERE else base.location
    by_lock = f"by-lock/{base.closure.rpartition(':')[2]}" if base.closure else ""
    tree = "/".join(filter(None, (location, by_lock, base.subdirectory)))
    folder = f"{tree}/lib/python{python_word()}/site-packages"
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        if not overlay.closure:
            fail(
                f"{overlay.prefix()}: the layer {base.name!r} that this virtual environment was"
                f" made on is not there ({error.strerror})",
                "make the environment again, with the python of the stack that it shall see:"
                " `…/bin/python -m venv --clear --system-site-packages"
                f" {shell_word(overlay.prefix())}`",
                f"path: {tree}",
            )
        fail(
            f"{overlay.prefix()}: this node does not hold the base {base.name!r} that the layer"
            f" {overlay.name!r} was compiled for ({error.strerror})",
            "`envc overlay sync` compiles the overlay for the base that is here;"
            f" an administrator's `envc converge --target {shell_word(location)}` brings this"
            " one back",
            f"digest: {base.closure}",
            f"target: {location}",
        )
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
        from _envc_start import helper  # type: ignore[import-not-found] # it stands beside

        helper("_envc_described").refuse_absent(base, overlay, error.strerror)
        return
    status = os.fstat(descriptor)
    base.folder = real_path(descriptor, base.location)
    base.inode = (status.st_dev, status.st_ino)
    os.close(descriptor)
    if int(status.st_mtime) != int(seconds):
        from _envc_start import helper

        helper("_envc_described").look(base, overlay, names, is_warned=kind == "warn")


def start_files_of(folder: str) -> list[str]:
    """The start-up files in a folder, but for envc's own, in order of name."""
    names = sorted(os.listdir(folder))
    return [n for n in names if n.endswith((".pth", ".start")) and not n.startswith(START_STEM)]
