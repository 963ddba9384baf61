"""What can be imported from the paths of an installed form: none of its files is read."""

import re
from collections.abc import Iterable
from itertools import takewhile

from envc.model.python import is_free_threaded, minor_of
from envc.model.wheel import ModuleTree
from envc.store.identity import build_tag

# The 3.X that are the first to import `.abi3-x86_64-linux-gnu.so`, and `.abi3t.so` (PEP 803).
_FIRST_WITH_PLATFORMS, _FIRST_WITHOUT_LOCK = 14, 15
# A manifest's line of a file there: the folder, the X.Y that it is of, and the path in it.
_INSTALLED = re.compile(r"^f\t.+\t(lib/python(3\.\d+t?)/site-packages)/.+$", re.MULTILINE)


def installed_modules(manifest: bytes) -> ModuleTree:
    """What can be imported from a tree with this manifest."""
    text = manifest.decode()
    found = _INSTALLED.search(text)
    if found is None:
        return {}
    folder, python = found.groups()
    lines = rf"^f\t\d+\t\d+\t\w+\t{re.escape(folder)}/(.+)$"
    return module_tree(re.findall(lines, text, re.MULTILINE), python)


def module_tree(paths: Iterable[str], python: str) -> ModuleTree:
    """What can be imported from a site-packages with these files.

    Any name can, identifier or not, but for one with a dot. A folder is a package or else a
    namespace, even when it holds no Python at all: `import` finds it. Where names meet, a package
    hides a module, and a module a namespace, as Python's own finder has it.
    """
    ending = _module_ending(python)
    tree: ModuleTree = {}
    # Shallow files first: an `__init__` settles what its folder is before deeper files are seen.
    for path in sorted(paths, key=lambda path: path.count("/")):
        if tree.get(path.partition("/")[0]) == "package":
            continue
        *folders, name = path.split("/")
        if not all(map(_can_be_named, folders)):
            _open_namespaces(tree, takewhile(_can_be_named, folders))
            continue
        found = ending.fullmatch(name)
        if found and found[1] == "__init__" and folders:
            parent = _open_namespaces(tree, folders[:-1])
            if parent is not None:
                parent[folders[-1]] = "package"
            continue
        parent = _open_namespaces(tree, folders)
        if parent is not None and found:
            parent.setdefault(found[1], "module")
    return tree


def _can_be_named(folder: str) -> bool:
    """Whether `import` can name a folder; that of bytecode it shall not."""
    return "." not in folder and folder != "__pycache__"


def _module_ending(python: str) -> re.Pattern[str]:
    """A file name that imports on an X.Y: the module's name, and what follows it."""
    minor = minor_of(python)
    stable = [] if is_free_threaded(python) else ["abi3"]
    if minor >= _FIRST_WITHOUT_LOCK:
        stable.append("abi3t")
    if minor >= _FIRST_WITH_PLATFORMS:
        stable = [f"{each}(?:-[^.]+)?" for each in stable]
    tags = "|".join([rf"{re.escape(build_tag(python))}-[^.]+", *stable])
    return re.compile(rf"([^.]+)\.(?:py|pyc|(?:(?:{tags})\.)?so)")


def _open_namespaces(tree: ModuleTree, folders: Iterable[str]) -> "ModuleTree | None":
    """The namespace at these folders, made on the way; None when a package or module is there."""
    for folder in folders:
        child = tree.setdefault(folder, {})
        if not isinstance(child, dict):
            return None
        tree = child
    return tree
