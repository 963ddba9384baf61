"""Prints what a process sees of its environment, as JSON: the same program for any environment.

    python twin_probe.py [FOLDER…]

Paths are told by where they are in an environment, whichever it is: `site-packages/numpy/core.py`.
Those below one of the folders, of editable projects, are told from there. Nothing of the projects
is imported but what `pkg_resources` and `pkgutil.walk_packages` import by themselves.
"""

import importlib.machinery
import importlib.metadata
import importlib.resources
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import site
import sys
import sysconfig
import types
import warnings
import zlib
from collections.abc import Iterator

IN_A_TREE = re.compile(
    r".*?/lib/python3\.\d+/(?:site-packages|bases/[^/]+)(?=/|$)|.*?/(?=(?:bin|share|include|etc)/)"
)
MOST_BYTES = 20_000
TEXTS = ("WHEEL", "top_level.txt", "INSTALLER", "REQUESTED", "py.typed")
SUFFIXES = tuple(importlib.machinery.all_suffixes())
STANDINS: list[str] = []
EDITABLE = tuple(os.path.realpath(folder) for folder in sys.argv[1:])


def told(path: object) -> str:
    """Where a path is in an environment."""
    text = os.path.normpath(str(path))
    for folder in (*EDITABLE, os.path.dirname(os.__file__), sys.base_prefix):
        if text == folder or text.startswith(f"{folder}/"):
            rest = text[len(folder) :]
            if not rest.startswith("/site-packages"):
                return os.path.basename(folder) + rest
    found = IN_A_TREE.match(text)
    if found is None:
        return "prefix" + text.removeprefix(sys.prefix) if text.startswith(sys.prefix) else text
    place = "site-packages" if "/lib/python3." in found.group() else ""
    return (place + text[found.end() :]).lstrip("/")


def once(items: object) -> list[str]:
    """Portions of one folder are one: a stack may have it in several layers."""
    return list(dict.fromkeys(items))


def spec_of(name: str, path: object) -> "importlib.machinery.ModuleSpec | None":
    """What an import of the module would find, without its parents being imported."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path) if find else None
        if spec is not None:
            return spec
    return None


def described(spec: "importlib.machinery.ModuleSpec") -> dict[str, object]:
    places = spec.submodule_search_locations
    return {
        "origin": told(spec.origin) if spec.has_location else spec.origin,
        "cached": told(spec.cached) if spec.has_location and spec.cached else None,
        "places": None if places is None else sorted(once(map(told, places))),
        "file": told(spec.loader.get_filename(spec.name))
        if hasattr(spec.loader, "get_filename")
        else None,
    }


def module_names() -> Iterator[str]:
    """Every module of every distribution, and every package above one."""
    found = set()
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            parts = file.parts
            suffix = next((s for s in SUFFIXES if file.name.endswith(s)), None)
            if suffix is None or suffix == ".pyc" or parts[0] == ".." or ".dist-info" in parts[0]:
                continue
            parts = (*parts[:-1], file.name[: -len(suffix)])
            if parts[-1] == "__init__":
                parts = parts[:-1]
            found.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    for entry in map(str, EDITABLE):
        found.update(each.name for each in pkgutil.iter_modules([entry]))
    yield from sorted(name for name in found if all(name.split(".")))


def all_specs() -> "dict[str, importlib.machinery.ModuleSpec | None]":
    """The specs of all modules; below one that is no package is nothing."""
    specs: dict[str, importlib.machinery.ModuleSpec | None] = {}
    for name in module_names():
        parent = specs.get(name.rpartition(".")[0])
        path = parent.submodule_search_locations if parent else None
        spec = None if "." in name and path is None else spec_of(name, path)
        specs[name] = spec
        package = spec is not None and spec.submodule_search_locations is not None
        if package and name not in sys.modules:
            STANDINS.append(name)
            sys.modules[name] = unexecuted(spec)
    return specs


def unexecuted(spec: "importlib.machinery.ModuleSpec") -> types.ModuleType:
    """A package without what its code does: namespaces below it ask it for its path."""
    package = types.ModuleType(spec.name)
    package.__spec__ = spec
    package.__path__ = spec.submodule_search_locations
    package.__file__ = spec.origin if spec.has_location else None
    return package


def modules(specs: "dict[str, importlib.machinery.ModuleSpec | None]") -> dict[str, object]:
    return {name: described(spec) if spec else None for name, spec in specs.items()}


def listed(specs: "dict[str, importlib.machinery.ModuleSpec | None]") -> dict[str, object]:
    """What pkgutil lists on the path and below each package."""
    packages = {n: s.submodule_search_locations for n, s in specs.items() if s}
    found = {name: sorted(lines_of(path)) for name, path in packages.items() if path is not None}
    return {"": sorted(lines_of(None)), **found}


def lines_of(path: object) -> set[str]:
    path = None if path is None else list(path)
    return {f"{each.name}{'/' if each.ispkg else ''}" for each in pkgutil.iter_modules(path)}


def resources(specs: "dict[str, importlib.machinery.ModuleSpec | None]") -> dict[str, object]:
    """The files of each package as importlib.resources has them: those that are no modules."""
    found: dict[str, object] = {}
    for name, spec in specs.items():
        if spec is None or spec.submodule_search_locations is None:
            continue
        root = importlib.resources.files(unexecuted(spec))
        found[name] = dict(sorted(walked(root, "", set(specs), name)))
    return found


def walked(folder: object, path: str, names: set[str], package: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        below = f"{path}{entry.name}"
        if entry.name == "__pycache__" or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir():
            yield f"{below}/", "folder"
            if f"{package}.{below.replace('/', '.')}" not in names:  # else it is told by itself
                yield from walked(entry, f"{below}/", names, package)
        elif entry.is_file():
            with entry.open("rb") as file:
                yield below, f"{zlib.crc32(file.read(MOST_BYTES)):08x}"
        else:
            yield below, "?"


def distributions() -> dict[str, object]:
    """Every distribution, in the order in which they are found where one is there twice."""
    found: dict[str, object] = {}
    for each in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower()
        while name in found:
            name += " again"
        found[name] = {
            "version": each.version,
            "metadata": sorted(map(str, each.metadata.items())),
            "requires": sorted(each.requires or ()),
            "entry points": sorted(map(str, each.entry_points)),
            "files": files_of(each),
            "texts": {text: each.read_text(text) for text in TEXTS},
            "direct": json.loads(each.read_text("direct_url.json") or "null"),
            "origin": getattr(each, "origin", None) is not None,
            "by name": importlib.metadata.version(each.metadata["Name"]) == each.version,
        }
    return found


def files_of(distribution: importlib.metadata.Distribution) -> dict[str, str]:
    """What RECORD lists, bytecode left out: pip lists it without a hash, if it made any."""
    return {
        str(file): f"{file.hash and file.hash.value} {file.size} {os.path.isfile(file.locate())}"
        for file in distribution.files or ()
        if file.suffix != ".pyc"
    }


def entry_points() -> dict[str, list[str]]:
    """Those of each group, as a lookup of the group has them."""
    groups = {p.group for d in importlib.metadata.distributions() for p in d.entry_points}
    return {
        group: sorted(
            f"{point.name} = {point.value} ({point.dist.metadata['Name'] if point.dist else None})"
            for point in importlib.metadata.entry_points(group=group)
        )
        for group in groups
    }


def tops() -> dict[str, list[str]]:
    """The projects of each name; bytecode left out, as ever."""
    found = importlib.metadata.packages_distributions()
    return {name: sorted(set(found[name])) for name in found if name != "__pycache__"}


def setuptools_view() -> dict[str, object] | None:
    """What pkg_resources sees; None where there is none."""
    if importlib.util.find_spec("pkg_resources") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pkg_resources
    found: dict[str, object] = {}
    for each in pkg_resources.working_set:
        try:
            required: object = sorted({d.project_name for d in pkg_resources.require(each.key)})
        except (pkg_resources.DistributionNotFound, pkg_resources.VersionConflict) as error:
            required = f"{type(error).__name__}: {error.args[-2:]}"
        points = {
            group: sorted(map(str, points.values()))
            for group, points in each.get_entry_map().items()
        }
        key = each.key if each.key not in found else f"{each.key} again"
        found[key] = {
            "version": each.version,
            "requires": required,
            "points": points,
            "place": told(each.location),
            "metadata": sorted(each.metadata_listdir(""))
            if each.has_metadata("METADATA")
            else None,
        }
    return found


def path_entries() -> dict[str, object]:
    """What stands in the folders of sys.path that are no standard library's; bytecode left out."""
    names = set()
    for entry in sys.path[1:]:
        if told(entry).startswith("site-packages") and os.path.isdir(entry):
            names.update(os.listdir(entry))
    return {
        "names": sorted(names - {"__pycache__"}),
        "missing": [entry for entry in sys.path[1:] if not os.path.exists(entry)][1:],
        "site": all(told(folder) == "site-packages" for folder in site.getsitepackages()),
        "twice": len(sys.path) - len(set(sys.path)),
        "paths": {name: told(path) for name, path in sysconfig.get_paths().items()},
    }


def walks(names: list[str]) -> dict[str, object]:
    """pkgutil.walk_packages below some packages, which imports what it finds."""
    found: dict[str, object] = {}
    for name in names:
        package = importlib.import_module(name)
        lines = pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None)
        found[name] = sorted({f"{each.name}{'/' if each.ispkg else ''}" for each in lines})
        found[f"{name}, file"] = told(inspect.getfile(package)) if package.__file__ else None
    return found


def main() -> None:
    specs = all_specs()
    seen = {
        "modules": modules(specs),
        "pkgutil": listed(specs),
        "resources": resources(specs),
        "distributions": distributions(),
        "entry points": entry_points(),
        "tops": tops(),
        "path": path_entries(),
    }
    for name in STANDINS:
        del sys.modules[name]
    seen |= {
        "pkg_resources": setuptools_view(),
        "walk_packages": walks([n for n in os.environ.get("TWIN_WALK", "").split() if n in specs]),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
