"""What a tree inherits of its bases: commands, folders of shared libraries, data files.

Of data files, the fewest symlinks that show exactly those of visible projects:

    base: share/jupyter/{lab/a, nbconvert/b}    overlay: share/jupyter/lab/c
    →     share/jupyter/lab/a, share/jupyter/nbconvert

A directory is one symlink when all that any layer has below it is one base's and visible.

Of a base with a masked project, likewise, a folder that stands on `sys.path` in its place: whoever
lists it sees what imports see. Each link is short, so that a file system keeps it in the inode; the
one that they lead through is on no path.

    lib/python3.11/bases/user/numpy        →  ../.user/numpy
    lib/python3.11/bases/user/google/cloud →  ../../.user/google/cloud
    lib/python3.11/bases/.user             →  /opt/site/by-lock/…/user/lib/python3.11/site-packages
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from envc.formats.stack_text import STACK_FILE
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE
from envc.model.plan import MakeSymlink, WriteFile
from envc.model.stack import Stack
from envc.view.places import destination, shown_folder, site_packages
from envc.view.programs import programs_of

OWN = 0
_NOTHING = b"All projects of this base are replaced or hidden.\n"


@dataclass(slots=True)
class Node:
    """A path's part: what is below it, and whose files are.

    `owners` holds the places in the stack of the layers that have something visible here or
    below; `concealed` tells that a masked project has, too. `file` is the nearest layer whose file
    the path itself is.
    """

    children: "dict[str, Node]" = field(default_factory=dict)
    owners: set[int] = field(default_factory=set)
    concealed: bool = False
    file: int | None = None


def inherited_data_files(stack: Stack, taken: frozenset[str]) -> Iterator[MakeSymlink]:
    """The symlinks to the data files of the bases' visible projects, in order of path."""
    root = Node()
    for path in (*taken, f"{site_packages(stack)}/", "bin/"):
        plant(root, path, OWN)
    for place, layer in enumerate(stack.layers):
        for wheel in layer.wheels:
            for path in wheel.data_files:
                plant(root, path, None if wheel.project in layer.masked else place)
    for path, place in grafts(root, ""):
        yield MakeSymlink(path, destination(path, stack.layers[place], stack))


def plant(root: Node, path: str, owner: int | None) -> None:
    """Note a file in the trie; no owner: it belongs to a masked project."""
    node = root
    for part in path.split("/"):
        node = node.children.setdefault(part, Node())
        if owner is None:
            node.concealed = True
        else:
            node.owners.add(owner)
    if owner is not None and node.file is None:
        node.file = owner


def grafts(node: Node, path: str) -> Iterator[tuple[str, int]]:
    """The paths that become symlinks, and the place of the layer that each one leads into."""
    for name, child in sorted(node.children.items()):
        below = f"{path}/{name}" if path else name
        nearest = min(child.owners, default=OWN)
        if nearest == OWN and (child.file == OWN or not child.owners):
            continue
        alone = child.owners == {nearest} and not child.concealed
        if nearest != OWN and (alone or child.file == nearest):
            yield below, nearest
        else:
            yield from grafts(child, below)


def inherited_commands(stack: Stack, taken: frozenset[str]) -> Iterator[WriteFile | MakeSymlink]:
    """Entry points and Python scripts run the layer's own interpreter; others are the base's file.

    A command of the layer itself hides an inherited one, one of a nearer base that of a farther.
    """
    seen = set(taken)
    for wheel in stack.top.wheels:
        seen.update(wheel.scripts)
        seen.update(f"bin/{script.name}" for script in wheel.console_scripts)
    for base in stack.bases:
        for wheel in sorted(base.visible(), key=lambda facts: facts.project):
            programs = programs_of(base, wheel)
            for path in (*programs, *wheel.scripts):
                text = programs.get(path)
                if path not in seen and text is not None:
                    yield WriteFile(path, text, EXECUTABLE_MODE)
                elif path not in seen:
                    yield MakeSymlink(path, destination(path, base, stack))
                seen.add(path)


def inherited_libraries(stack: Stack, taken: frozenset[str]) -> Iterator[MakeSymlink]:
    """The symlinks to folders that libraries of the layer look into, in order of path."""
    for path, place in stack.libraries:
        if path not in taken:
            yield MakeSymlink(path, destination(path, stack.layers[place], stack))


def masked_folders(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; these names are envc's alone
) -> Iterator[MakeSymlink | WriteFile]:
    """The links of each base with a masked project, in order of path."""
    packages = site_packages(stack)
    for place, listing in stack.listings:
        folder = shown_folder(stack.layers[place], stack)
        parent, _, name = folder.rpartition("/")
        anchor = f"{parent}/.{name}"
        yield MakeSymlink(anchor, destination(packages, stack.layers[place], stack, at=anchor))
        root = Node()
        for owner, paths in ((place, listing.visible), (None, listing.masked)):
            for path in paths:
                if path.startswith(f"{packages}/"):
                    plant(root, path[len(packages) + 1 :], owner)
        shown = [path for path, _ in grafts(root, "") if not _is_for_its_own_folder(path)]
        for path in shown:
            yield MakeSymlink(f"{folder}/{path}", f"{'../' * (path.count('/') + 1)}.{name}/{path}")
        if not shown:
            yield WriteFile(f"{folder}/{STACK_FILE}", _NOTHING, FILE_MODE)


def _is_for_its_own_folder(path: str) -> bool:
    """Start-up files, which run once, and bytecode."""
    return path.endswith(("__pycache__", ".pth", ".start")) and (
        "/" not in path or path.endswith("/__pycache__")
    )
