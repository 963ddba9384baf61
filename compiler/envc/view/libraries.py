"""Folders of shared libraries that the layer's own look into, and a base has: one symlink each."""

from collections.abc import Iterator

from envc.model.plan import MakeSymlink
from envc.model.stack import Stack
from envc.view.places import destination


def inherited_libraries(stack: Stack, taken: frozenset[str]) -> Iterator[MakeSymlink]:
    """The symlinks, in order of path."""
    for path, place in stack.libraries:
        if path not in taken:
            yield MakeSymlink(path, destination(path, stack.layers[place], stack))
