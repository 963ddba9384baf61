"""Prints what an environment holds, as JSON: run by the environment's own Python, 3.8 or newer.

    python3 -s - < this-file > facts.json

Standard library only. It reads names and metadata, imports nothing of the environment, follows no
link to another folder below the first level, and stops at bounds; what it left out, it says.
`envc describe facts.json` makes an inventory of it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import site
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MARK = "\x1eenvc-facts\n"
FORMAT = 1
MOST_FOLDERS = 200
MOST_NAMES = 100_000
MOST_PATHS = 20_000
MOST_WALKED = 200_000
MOST_TEXT_BYTES = 1 << 19
MOST_RECORD_BYTES = 1 << 25
DEEPEST = 40
MOST_SECONDS = 40

TOLD = (".dist-info", ".egg-info", ".egg", ".pth", ".egg-link", ".start")
METADATA = (".dist-info", ".egg-info")
BINARY = re.compile(r"\.(so|pyd|dylib)(\.|$)")
IMPORTABLE = (".py", ".pyc", ".so")
DPKG = "/var/lib/dpkg/info"
VARIABLES = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "EBPYTHONPREFIXES")

started = time.monotonic()
notes: list[str] = []
walked = 0


def is_late() -> bool:
    """Whether there is no time for more."""
    return time.monotonic() - started > MOST_SECONDS


def note(text: str) -> None:
    """Say once what is left out."""
    if text not in notes and len(notes) < MOST_FOLDERS:
        notes.append(text)


def text_of(path: str, most: int = MOST_TEXT_BYTES) -> str | None:
    """The text of a regular file, empty where there is none; None where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(most + 1)
        except OSError:
            return None
    if len(content) > most:
        note(f"{path}: only its first {most} bytes were read")
    return content[:most].decode("utf-8", "replace")


def headers_of(path: str) -> str | None:
    """What stands before the description; None where it cannot be read."""
    text = text_of(path)
    return text if not text else re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]


def is_plain(name: str) -> bool:
    """Whether a name can be told: no control character, nothing that is no text."""
    return name.isprintable()


def is_inside(path: str) -> bool:
    """Whether a path stays below the folder that it is relative to."""
    parts = path.split("/")
    return is_plain(path) and {"", ".", ".."}.isdisjoint(parts)


def reduced(paths: list[str]) -> list[str]:
    """The fewest paths that tell what can be imported: of a package, itself with a slash."""
    packages: set[str] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder and name.partition(".")[0] == "__init__" and name.endswith(IMPORTABLE):
            packages.add(folder)
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")
        if "__pycache__" in parts:
            continue
        heads = ("/".join(parts[: n + 1]) for n in range(len(parts) - 1))
        if parts[0].endswith(METADATA) and len(parts) > 1:
            found.add(parts[0] + "/")
        else:
            package = next((head for head in heads if head in packages), None)
            found.add(path if package is None else package + "/")
    if len(found) > MOST_PATHS:
        note(f"a distribution with more than {MOST_PATHS} paths is known in part")
    return sorted(found)[:MOST_PATHS]


def has_binary(folder: str) -> bool:
    """Whether a compiled file is below a folder; if nobody can look to its end, it is."""
    global walked  # noqa: PLW0603 - one bound for all
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            entries = os.scandir(place)
        except OSError:
            continue
        with entries:
            for entry in entries:
                walked += 1
                if walked > MOST_WALKED or depth > DEEPEST or is_late():
                    note(f"{folder}: not looked through to its end for compiled files")
                    return True
                if BINARY.search(entry.name):
                    return True
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, depth + 1))
    return False


class Folder:
    """A folder of the path, listed once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.mtime = int(os.stat(path).st_mtime)
        self.top: dict[str, bool] = {}
        with os.scandir(path) as entries:
            for entry in entries:
                if len(self.top) >= MOST_NAMES:
                    note(f"{path}: has more than {MOST_NAMES} names, and is known in part")
                    break
                if not is_plain(entry.name):
                    note(f"{path}: a name that is no plain text is left out: {entry.name!a}")
                elif entry.name != "__pycache__":
                    try:
                        self.top[entry.name] = entry.is_dir()
                    except OSError:
                        self.top[entry.name] = False
        self._system: dict[str, list[str]] | None = None

    def told(self) -> list[str]:
        """The names that tell one state of it from another."""
        return sorted(name for name in self.top if name.endswith(TOLD))

    def kind(self, name: str) -> str:
        """What a name is: `package`, `folder` or `file`."""
        if not self.top[name]:
            return "file"
        inside = (os.path.join(self.path, name, "__init__" + end) for end in IMPORTABLE)
        return "package" if any(map(os.path.exists, inside)) else "folder"

    def named(self, word: str) -> Iterator[str]:
        """The paths of a top-level name as they stand here."""
        for name in self.top:
            if name == word and self.top[name]:
                yield name + "/"
            elif name.partition(".")[0] == word and name.endswith(IMPORTABLE):
                yield name

    def distributions(self) -> Iterator[dict[str, Any]]:
        """The distributions whose metadata stands here."""
        inside = os.path.join(self.path, "EGG-INFO")
        if self.path.endswith(".egg") and os.path.isdir(inside):
            yield self.egg(inside)
        for name in sorted(self.top):
            if name.endswith(METADATA):
                if is_late():
                    note(f"{self.path}: there was no time to read all of it")
                    return
                yield self.distribution(name)

    def egg(self, inside: str) -> dict[str, Any]:
        """The distribution of an unpacked egg: all that stands in its folder is its own."""
        found = self.facts("EGG-INFO", inside, os.path.join(inside, "PKG-INFO"))
        own = [name + ("/" if self.top[name] else "") for name in self.top if name != "EGG-INFO"]
        found.update(how="walk", paths=sorted(own), compiled=has_binary(self.path))
        return found

    def distribution(self, name: str) -> dict[str, Any]:
        """The distribution with this metadata."""
        place = os.path.join(self.path, name)
        if not self.top[name]:
            found = self.facts(name, place + "//nowhere", place)
        elif name.endswith(".dist-info"):
            found = self.facts(name, place, os.path.join(place, "METADATA"))
        else:
            found = self.facts(name, place, os.path.join(place, "PKG-INFO"))
        how, paths = self.files(name, place, found["metadata"] or "")
        compiled = any(map(BINARY.search, paths))
        if how in ("record", "installed-files"):
            own = reduced([path for path in map(os.path.normpath, paths) if is_inside(path)])
        else:
            own = reduced(paths)
            roots = sorted({path.partition("/")[0] for path in paths if not path.startswith(name)})
            folders = [os.path.join(self.path, root) for root in roots if self.top.get(root)]
            compiled = compiled or any(map(has_binary, folders))
        itself = name + ("/" if self.top[name] else "")
        found.update(how=how, paths=sorted({*own, itself}), compiled=compiled)
        return found

    def facts(self, name: str, place: str, metadata: str) -> dict[str, Any]:
        """The texts of a distribution's metadata."""
        return {
            "name": name,
            "metadata": headers_of(metadata),
            "requires": text_of(os.path.join(place, "requires.txt")) or "",
            "entry_points": text_of(os.path.join(place, "entry_points.txt")) or "",
        }

    def files(self, name: str, place: str, metadata: str) -> tuple[str, list[str]]:
        """How a distribution's files are known, and their paths."""
        record = text_of(os.path.join(place, "RECORD"), MOST_RECORD_BYTES)
        if record:
            try:
                rows = [row[0] for row in csv.reader(record.splitlines()) if row]
            except csv.Error:
                rows = []
            if rows:
                return "record", rows
        listed = text_of(os.path.join(place, "installed-files.txt"), MOST_RECORD_BYTES)
        if listed:
            paths = (os.path.normpath(os.path.join(name, line)) for line in listed.splitlines())
            return "installed-files", [path for path in paths if is_inside(path)]
        system = self.system().get(name)
        if system:
            return "system", system
        words = (text_of(os.path.join(place, "top_level.txt")) or "").split()
        found = [path for word in words if is_inside(word) for path in self.named(word)]
        if found:
            return "top-level", found
        said = re.search(r"^Name:\s*(\S+)", metadata, re.MULTILINE | re.IGNORECASE)
        word = re.sub(r"[-.]", "_", said.group(1) if said else name.partition("-")[0])
        return "unknown", list(self.named(word))

    def system(self) -> dict[str, list[str]]:
        """Metadata's name -> the paths here of the one package of the system that owns it."""
        if self._system is None:
            self._system = owned(self.path) if self.path.startswith("/usr/lib/") else {}
        return self._system

    def start_files(self) -> dict[str, str]:
        """The texts of the start-up files."""
        names = sorted(name for name in self.top if name.endswith((".pth", ".start")))
        return {name: text_of(os.path.join(self.path, name)) or "" for name in names}


def owned(folder: str) -> dict[str, list[str]]:
    """Metadata's name -> the paths of the one package of dpkg's that has it, and no other one."""
    start = folder + "/"
    found: dict[str, list[str]] = {}
    try:
        lists = sorted(name for name in os.listdir(DPKG) if name.endswith(".list"))
    except OSError:
        return found
    for name in lists:
        text = text_of(os.path.join(DPKG, name), MOST_RECORD_BYTES) or ""
        if start not in text or is_late():
            continue
        lines = [line[len(start) :] for line in text.splitlines() if line.startswith(start)]
        outer = {line.rpartition("/")[0] for line in lines}
        paths = [line for line in lines if line not in outer and is_inside(line)]
        own = {path.partition("/")[0] for path in paths}
        infos = [each for each in own if each.endswith(METADATA)]
        if len(infos) == 1:
            found[infos[0]] = paths
    return found


def library_folders() -> set[str]:
    """The folders of the standard library itself."""
    own = os.path.dirname(os.__file__)
    return {os.path.realpath(path) for path in (own, os.path.join(own, "lib-dynload"))}


def folders_of_path() -> list[str]:
    """The folders of the path that are not the standard library, by their real paths, each once."""
    library = library_folders()
    seen: list[str] = []
    for entry in sys.path:
        place = os.path.realpath(entry)
        if not os.path.isabs(entry) or place in library or place in seen:
            continue
        if not is_plain(place):
            note(f"a folder of the path is left out: {place!a}")
            continue
        if os.path.isfile(place):
            note(f"{entry}: what is packed into one file is not read")
        elif os.path.isdir(place):
            seen.append(place)
    if len(seen) > MOST_FOLDERS:
        note(f"the path has more than {MOST_FOLDERS} folders; the others are left out")
    return seen[:MOST_FOLDERS]


def named_by(folders: list[Folder]) -> dict[str, str]:
    """Folder -> the start-up file of another folder that puts it on the path."""
    found: dict[str, str] = {}
    for folder in folders:
        for name, text in folder.start_files().items():
            for line in text.splitlines() if name.endswith(".pth") else ():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    place = os.path.realpath(os.path.join(folder.path, line.strip()))
                    found.setdefault(place, name)
    return found


def facts() -> dict[str, Any]:
    """All that is told."""
    folders = []
    for path in folders_of_path():
        try:
            folders.append(Folder(path))
        except OSError as error:
            note(f"{path}: cannot be read: {error.strerror}")
    sites = {os.path.realpath(path) for path in site.getsitepackages()}
    by_file = named_by([folder for folder in folders if folder.path in sites])
    return {
        "facts": FORMAT,
        "implementation": sys.implementation.name,
        "python_full": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
        "modules": [name for name in os.environ.get("LOADEDMODULES", "").split(":") if name],
        "variables": {name: os.environ[name] for name in VARIABLES if os.environ.get(name)},
        "folders": [
            {
                "path": folder.path,
                "mtime": folder.mtime,
                "is_site": folder.path in sites,
                "added_by": "" if folder.path in sites else by_file.get(folder.path, ""),
                "told": folder.told(),
                "top": {name: folder.kind(name) for name in sorted(folder.top)},
                "start_files": sorted(folder.start_files()),
                "distributions": list(folder.distributions()),
            }
            for folder in folders
        ],
        "notes": notes,
    }


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(facts()) + "\n")
