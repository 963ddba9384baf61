"""What can be imported from the paths of an installed form: no file is read."""

import re
from collections.abc import Iterable, Sequence

from envc.model.wheel import ModuleTree
from envc.store.identity import bytecode_tag


def module_tree(paths: Iterable[str], python: str) -> ModuleTree:
    """What can be imported from a site-packages with these files.

    A folder whose name is an identifier is a package or else a namespace, even when it holds no
    Python at all: `import` finds it. Where names meet, a package hides a module, and a module a
    namespace, as Python's own finder has it.
    """
    ending = _module_ending(python)
    tree: ModuleTree = {}
    # Shallow files first: an `__init__` settles what its folder is before deeper files are seen.
    for path in sorted(paths, key=lambda path: path.count("/")):
        *folders, name = path.split("/")
        if not all(map(str.isidentifier, folders)):
            _open_namespaces(tree, _leading_identifiers(folders))
            continue
        found = ending.fullmatch(name)
        if found and found[1] == "__init__" and folders:
            parent = _open_namespaces(tree, folders[:-1])
            if parent is not None:
                parent[folders[-1]] = "package"
            continue
        parent = _open_namespaces(tree, folders)
        if parent is not None and found and found[1].isidentifier():
            parent.setdefault(found[1], "module")
    return tree


def _module_ending(python: str) -> re.Pattern[str]:
    """A file name that imports on an X.Y: the module's name, and what follows it."""
    tag = re.escape(bytecode_tag(python))
    return re.compile(rf"([^.]+)\.(?:py|pyc|(?:(?:{tag}-[^.]+|abi3)\.)?so)")


def _leading_identifiers(folders: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for folder in folders:
        if not folder.isidentifier():
            break
        kept.append(folder)
    return kept


def _open_namespaces(tree: ModuleTree, folders: Sequence[str]) -> "ModuleTree | None":
    """The namespace at these folders, made on the way; None when a package or module is there."""
    for folder in folders:
        child = tree.setdefault(folder, {})
        if not isinstance(child, dict):
            return None
        tree = child
    return tree
