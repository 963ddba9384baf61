"""What a tree inherits of its bases: commands, folders of shared libraries, data files.

Of data files, the fewest symlinks that show exactly those of visible projects:

    base: share/jupyter/{lab/a, nbconvert/b}    overlay: share/jupyter/lab/c
    →     share/jupyter/lab/a, share/jupyter/nbconvert

A directory is one symlink when all that any layer has below it is one base's and visible.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from envc.formats.scripts import entry_point_script
from envc.model.manifest import EXECUTABLE_MODE
from envc.model.plan import MakeSymlink, WriteFile
from envc.model.stack import Stack
from envc.view.places import destination, site_packages

OWN = 0


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
        texts = dict(base.python_scripts)
        for wheel in sorted(base.visible(), key=lambda facts: facts.project):
            own = {f"bin/{each.name}": entry_point_script(each) for each in wheel.console_scripts}
            for path in (*own, *wheel.scripts):
                text = own.get(path) or texts.get(path)
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
