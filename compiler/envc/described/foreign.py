"""What an environment holds, folder by folder. The last part of the program, which prints it.

It reads names and metadata, imports nothing of the environment, and follows no link to another
folder below the first level.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import site
import sys

from envc.described.managers import conda_variables, packages
from envc.described.survey import BINARY, MOST_RECORD_BYTES, Disk, Survey, is_inside, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

MARK = "\x1eenvc-facts\n"
FORMAT = 1
MOST_FOLDERS = 200
MOST_NAMES = 100_000
MOST_PATHS = 20_000

TOLD = (".dist-info", ".egg-info", ".egg", ".pth", ".egg-link", ".start")
METADATA = (".dist-info", ".egg-info")
INFOS = (".dist-info/", ".egg-info/")
IMPORTABLE = (".py", ".pyc", ".so")
VARIABLES = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "EBPYTHONPREFIXES")
MAPPING = re.compile(r"^MAPPING\b[^=\n]*=\s*(\{.*\})\s*$", re.MULTILINE)


def paths_in(text: str) -> list[str]:
    """The lines of a start-up file that name folders."""
    lines = (line.rstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]


def own_paths(names: Iterable[str], joins: Callable[[str], bool]) -> list[str]:
    """The fewest paths that tell what can be imported: of a package, itself with a slash.

    Of one that joins others, what is in it.
    """
    paths = [path for path in map(os.path.normpath, names) if is_inside(path)]
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
            package = next((head for head in heads if head in packages and not joins(head)), None)
            found.add(path if package is None else package + "/")
    return sorted(found)


class Folder:
    """A folder of the path, listed once."""

    def __init__(self, survey: Survey, path: str) -> None:
        self.path = path
        self.survey = survey
        self.disk = survey.disk
        self.mtime = self.disk.seconds(path)
        self.top: dict[str, bool] = {}
        for name, kind in self.disk.scan(path):
            if len(self.top) >= MOST_NAMES:
                survey.note(f"{path}: has more than {MOST_NAMES} names, and is known in part")
                break
            if not is_plain(name):
                survey.note(f"{path}: a name that is no plain text is left out: {name!a}")
            elif name != "__pycache__":
                linked = kind == "link" and self.disk.is_folder(self.at(name))
                self.top[name] = linked or kind == "folder"
        self._system: dict[str, list[str]] | None = None

    def at(self, *names: str) -> str:
        """A path below it."""
        return os.path.join(self.path, *names)

    def told(self) -> list[str]:
        """The names that tell one state of it from another."""
        return sorted(name for name in self.top if name.endswith(TOLD))

    def kind(self, name: str) -> str:
        """What a name is: `package`, `folder` or `file`."""
        if not self.top[name]:
            return "file"
        inside = (self.at(name, "__init__" + end) for end in IMPORTABLE)
        return "package" if any(map(self.disk.exists, inside)) else "folder"

    def joins(self, package: str) -> bool:
        """Whether a package here lets other folders of the path add to it."""
        return self.survey.joins(self.at(package, "__init__.py"))

    def named(self, word: str) -> Iterator[str]:
        """The paths of a top-level name as they stand here."""
        for name in self.top:
            if name == word and self.top[name]:
                yield name + "/"
            elif name.partition(".")[0] == word and name.endswith(IMPORTABLE):
                yield name

    def distributions(self) -> Iterator[dict[str, Any]]:
        """The distributions whose metadata stands here."""
        if self.path.endswith(".egg") and self.top.get("EGG-INFO"):
            yield self.egg()
        for name in sorted(self.top):
            if name.endswith(METADATA):
                if self.survey.is_late():
                    self.survey.note(f"{self.path}: there was no time to read all of it")
                    return
                yield self.distribution(name)

    def egg(self) -> dict[str, Any]:
        """The distribution of an unpacked egg: all that stands in its folder is its own."""
        own = [name + ("/" if self.top[name] else "") for name in self.top if name != "EGG-INFO"]
        return {
            **self.texts("EGG-INFO", self.at("EGG-INFO"), "PKG-INFO"),
            "how": "walk",
            "paths": sorted(own),
            "joined": self.joined(own),
            "mapped": [],
            "compiled": self.survey.has_binary(self.path),
        }

    def distribution(self, name: str) -> dict[str, Any]:
        """The distribution with this metadata."""
        place = self.at(name)
        if not self.top[name]:
            found = self.texts(name, place, "")
        else:
            file = "METADATA" if name.endswith(".dist-info") else "PKG-INFO"
            found = self.texts(name, place, file)
        how, paths = self.files(name, place, found["metadata"] or "")
        own = paths if how in ("top-level", "unknown") else own_paths(paths, self.joins)
        if len(own) > MOST_PATHS:
            self.survey.note(f"{place}: has more than {MOST_PATHS} paths, and is known in part")
        mapped, elsewhere = self.editable(name, own)
        if how not in ("record", "installed-files"):
            roots = sorted({path.partition("/")[0] for path in own if not path.startswith(name)})
            elsewhere += [self.at(root) for root in roots if self.top.get(root)]
        compiled = any(map(BINARY.search, paths)) or any(map(self.survey.has_binary, elsewhere))
        itself = name + ("/" if self.top[name] else "")
        paths = sorted({*own[:MOST_PATHS], itself})
        return {
            **found,
            "how": how,
            "paths": paths,
            "joined": self.joined(paths),
            "mapped": mapped,
            "compiled": compiled,
        }

    def joined(self, paths: list[str]) -> list[str]:
        """The packages of these paths that join others."""
        packages = (path for path in paths if path.endswith(("/", "/__init__.py")))
        names = {path.rpartition("/")[0] for path in packages if not path.endswith(INFOS)}
        return sorted(filter(self.joins, names))

    def texts(self, name: str, place: str, file: str) -> dict[str, Any]:
        """The texts of a distribution's metadata: what stands before its description."""
        text = self.survey.text(os.path.join(place, file) if file else place)
        inside = ("requires.txt", "entry_points.txt") if file else ()
        more = [self.survey.text(os.path.join(place, each)) or "" for each in inside] or ["", ""]
        headers = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0] if text else text
        return {"name": name, "metadata": headers, "requires": more[0], "entry_points": more[1]}

    def files(self, name: str, place: str, metadata: str) -> tuple[str, list[str]]:
        """How a distribution's files are known, and their paths."""
        record = self.survey.text(os.path.join(place, "RECORD"), MOST_RECORD_BYTES)
        try:
            rows = [row[0] for row in csv.reader((record or "").splitlines()) if row]
        except csv.Error:
            self.survey.note(f"{place}: its RECORD cannot be read")
            rows = []
        if rows:
            return "record", rows
        listed = self.survey.text(os.path.join(place, "installed-files.txt"), MOST_RECORD_BYTES)
        if listed:
            return "installed-files", [os.path.join(name, line) for line in listed.splitlines()]
        system = self.system().get(name)
        if system:
            return "system", system
        words = (self.survey.text(os.path.join(place, "top_level.txt")) or "").split()
        found = [path for word in words if is_inside(word) for path in self.named(word)]
        if found:
            return "top-level", found
        said = re.search(r"^Name:\s*(\S+)", metadata, re.MULTILINE | re.IGNORECASE)
        word = re.sub(r"[-.]", "_", said.group(1) if said else name.partition("-")[0])
        return "unknown", list(self.named(word))

    def editable(self, name: str, own: list[str]) -> tuple[list[str], list[str]]:
        """What start-up code of an editable project brings: paths as if they stood here, folders.

        The finder that setuptools write holds a literal; what others do is said to be unknown.
        """
        mapped: list[str] = []
        folders: list[str] = []
        for path in own:
            if path.endswith(".pth") and path in self.top:
                lines = paths_in(self.survey.text(self.at(path)) or "")
                folders += [self.at(line) for line in lines if self.disk.is_folder(self.at(line))]
            elif path.startswith("__editable__") and path.endswith("_finder.py"):
                for module, target in self.mapping(path).items():
                    is_folder = self.disk.is_folder(target)
                    mapped.append(module.replace(".", "/") + ("/" if is_folder else ".py"))
                    folders += [target] if is_folder else []
        if not folders and not mapped and name.endswith(".dist-info"):
            url = self.survey.text(self.at(name, "direct_url.json")) or ""
            if re.search(r'"editable"\s*:\s*true', url):
                self.survey.note(
                    f"{self.at(name)}: nothing tells what of the editable project is imported"
                )
        return mapped, folders

    def mapping(self, path: str) -> dict[str, str]:
        """The modules of a finder that setuptools write, and where each stands."""
        found = MAPPING.search(self.survey.text(self.at(path)) or "")
        try:
            told = ast.literal_eval(found.group(1)) if found else {}
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return {}
        return {
            name: target
            for name, target in (told.items() if isinstance(told, dict) else ())
            if isinstance(name, str) and isinstance(target, str)
            if is_inside(name.replace(".", "/")) and os.path.isabs(target) and is_plain(target)
        }

    def system(self) -> dict[str, list[str]]:
        """Metadata's name -> the paths here of the one package that has it, and no other one.

        A package is one of dpkg's, of rpm's or of conda's.
        """
        if self._system is None:
            start = self.path + "/"
            self._system = {}
            for files in packages(self.survey, self.path):
                lines = [line[len(start) :] for line in files if line.startswith(start)]
                outer = {line.rpartition("/")[0] for line in lines}
                paths = [line for line in lines if line not in outer and is_inside(line)]
                own = {path.partition("/")[0] for path in paths}
                infos = [each for each in own if each.endswith(METADATA)]
                if len(infos) == 1:
                    self._system[infos[0]] = paths
        return self._system

    def start_files(self) -> dict[str, str]:
        """The texts of the start-up files."""
        names = sorted(name for name in self.top if name.endswith((".pth", ".start")))
        return {name: self.survey.text(self.at(name)) or "" for name in names}

    def as_told(self, *, is_site: bool, added_by: str) -> dict[str, Any]:
        """All of it."""
        return {
            "path": self.path,
            "mtime": self.mtime,
            "is_site": is_site,
            "added_by": "" if is_site else added_by,
            "told": self.told(),
            "top": {name: self.kind(name) for name in sorted(self.top)},
            "start_files": sorted(self.start_files()),
            "distributions": list(self.distributions()),
        }


class Environment:
    """An interpreter's path: which folders of it run start-up files, which are the library's."""

    def __init__(self, path: list[str], sites: list[str], library: list[str], prefix: str) -> None:
        self.path = path
        self.sites = sites
        self.library = library
        self.prefix = prefix


def folders_of(survey: Survey, environment: Environment) -> list[Folder]:
    """The folders of the path that are not the standard library, by their real paths, each once."""
    disk = survey.disk
    library = {disk.real(path) for path in environment.library}
    seen: list[str] = []
    for entry in environment.path:
        place = disk.real(entry)
        if not os.path.isabs(entry) or place in library or place in seen:
            continue
        if not is_plain(place):
            survey.note(f"a folder of the path is left out: {place!a}")
        elif disk.is_folder(place):
            seen.append(place)
        elif disk.exists(place):
            survey.note(f"{entry}: what is packed into one file is not read")
    if len(seen) > MOST_FOLDERS:
        survey.note(f"the path has more than {MOST_FOLDERS} folders; the others are left out")
    found = []
    for path in seen[:MOST_FOLDERS]:
        try:
            found.append(Folder(survey, path))
        except OSError as error:
            survey.note(f"{path}: cannot be read: {error.strerror}")
    return found


def named_by(survey: Survey, folders: list[Folder]) -> dict[str, str]:
    """Folder -> the start-up file of another folder that puts it on the path."""
    found: dict[str, str] = {}
    for folder in folders:
        for name, text in folder.start_files().items():
            for line in paths_in(text) if name.endswith(".pth") else ():
                found.setdefault(survey.disk.real(folder.at(line)), name)
    return found


def note_links(survey: Survey, folders: list[Folder]) -> None:
    """Say which projects that are used where they stand are not on the path."""
    known = {folder.path for folder in folders}
    for folder in folders:
        for name in (name for name in folder.top if name.endswith(".egg-link")):
            place = (survey.text(folder.at(name)) or "").partition("\n")[0].strip()
            if not place or survey.disk.real(folder.at(place)) not in known:
                survey.note(
                    f"{folder.at(name)}: leads to {place[:200]!a}, which is not on the path"
                )


def told_of(survey: Survey, environment: Environment, environ: Mapping[str, str]) -> dict[str, Any]:
    """What an environment holds: all that is told but for what its interpreter is."""
    folders = folders_of(survey, environment)
    sites = {survey.disk.real(path) for path in environment.sites}
    by_file = named_by(survey, [folder for folder in folders if folder.path in sites])
    note_links(survey, folders)
    variables = {name: environ[name] for name in VARIABLES if environ.get(name)}
    if survey.disk.is_folder(environment.prefix + "/conda-meta"):
        variables.update(conda_variables(survey, environment.prefix, environ))
    return {
        "modules": [name for name in environ.get("LOADEDMODULES", "").split(":") if name],
        "variables": variables,
        "folders": [
            folder.as_told(is_site=folder.path in sites, added_by=by_file.get(folder.path, ""))
            for folder in folders
        ],
        "notes": survey.notes,
    }


def libc() -> str:
    """The C library of this machine; empty where Python does not know it."""
    try:
        return "-".join((os.confstr("CS_GNU_LIBC_VERSION") or "").split())
    except (AttributeError, ValueError, OSError):
        return ""


def facts() -> dict[str, Any]:
    """All that is told of the interpreter that runs this."""
    own = os.path.dirname(os.__file__)
    library = [own, os.path.join(own, "lib-dynload")]
    environment = Environment(sys.path, site.getsitepackages(), library, sys.prefix)
    system = {"linux": "linux", "darwin": "macos"}.get(sys.platform, sys.platform)
    return {
        "facts": FORMAT,
        "implementation": sys.implementation.name,
        "python_full": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
        "platform": f"{system}-{os.uname().machine}",
        "libc": libc(),
        **told_of(Survey(Disk()), environment, os.environ),
    }


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(facts()) + "\n")
