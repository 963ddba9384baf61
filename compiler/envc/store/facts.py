"""What a wheel contains, from the paths of its installed form: no file is read."""

import re
from collections.abc import Iterable, Sequence

from envc.model.lock import LockedWheel
from envc.model.value import value
from envc.model.wheel import ModuleTree, WheelFacts
from envc.store.dist_info import Claims
from envc.store.identity import bytecode_tag
from envc.store.layout import Layout

_START_FILE = re.compile(r"[^/]*\.(?:pth|start)|(?:sitecustomize|usercustomize)(?:\.[^/]*|/.*)")


@value(kw_only=True)
class Contents:
    """The paths of an installed form (no bytecode among them), and its wheel's size."""

    paths: Sequence[str]
    scripts: Sequence[str]
    size_bytes: int


def facts_of(wheel: LockedWheel, layout: Layout, claims: Claims, contents: Contents) -> WheelFacts:
    """The facts of a wheel; all lists are sorted."""
    prefix = layout.site_packages + "/"
    inside = [path.removeprefix(prefix) for path in contents.paths if path.startswith(prefix)]
    return WheelFacts(
        filename=wheel.filename,
        digest=wheel.digest,
        size_bytes=contents.size_bytes,
        project=layout.identity.project,
        version=str(layout.identity.version),
        dist_info=layout.identity.dist_info,
        requires=claims.requires,
        requires_python=claims.requires_python,
        extras=claims.extras,
        modules=module_tree(inside, layout.python),
        console_scripts=claims.console_scripts,
        scripts=tuple(sorted(contents.scripts)),
        start_files=tuple(sorted(prefix + path for path in inside if _START_FILE.fullmatch(path))),
        data_files=tuple(
            sorted(p for p in contents.paths if not p.startswith(prefix) and p[:4] != "bin/")
        ),
    )


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
