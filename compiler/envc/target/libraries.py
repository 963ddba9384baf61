"""What a layer's tree shows of its bases' files: read off the manifests of their wheels.

Folders of shared libraries that a layer's own libraries look into, and a base has:

A wheel's library finds those of another project by a path relative to its own place, `$ORIGIN`.
Where that project is in a base, the layer's tree gets a symlink at the place that is looked into.
The folder is linked, not its files: paths relative to the files in it then lead on in the base.
"""

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence

from envc.disk.durable import doing
from envc.formats.elf import searched_folders
from envc.model.manifest import path_of
from envc.model.names import site_packages_of
from envc.model.stack import Listing, Stack, StackLayer
from envc.model.wheel import WheelFacts
from envc.store import Store, store_id
from envc.target.directory import Directory, Shape


def library_folders(store: Store, stack: Stack) -> tuple[tuple[str, int], ...]:
    """Path in the tree, and the place in the stack of the layer that has it; in order of path.

    Left alone is a folder in which the layer has files of its own, or a masked project has some.

    Raises:
        OutsideError: a library cannot be read.
    """
    if not stack.bases:
        return ()
    own = _paths(store, stack.top.wheels, stack.python)
    wanted = {
        folder
        for wheel in stack.top.wheels
        for folder in _looked_into(store, store_id(wheel.digest, stack.python))
        if not _has(own, folder)
    }
    listings = [_listing(layer, stack.python) for layer in stack.bases] if wanted else []
    found: list[tuple[str, int]] = []
    for folder in sorted(wanted):
        place = _place(listings, folder)
        if place is not None and not any(folder.startswith(f"{outer}/") for outer, _ in found):
            found.append((folder, place))
    return tuple(found)


def listings_of_masked(stack: Stack) -> tuple[tuple[int, Listing], ...]:
    """The listing of each base of which something is masked, by its place in the stack.

    Raises:
        OutsideError: the base's store does not hold one of its wheels.
    """
    return tuple(
        (place, _listing(layer, stack.python))
        for place, layer in enumerate(stack.layers)
        if layer.masked & {wheel.project for wheel in layer.wheels}
    )


def _listing(layer: StackLayer, python: str) -> Listing:
    if layer.described is not None:
        return _listing_of_places(layer, layer.described.places, site_packages_of(python))
    shape = Shape.TARGET if layer.subdirectory else Shape.OVERLAY
    store = Store(Directory(layer.location, shape).store)
    masked = [wheel for wheel in layer.wheels if wheel.project in layer.masked]
    return Listing(_paths(store, layer.visible(), python), _paths(store, masked, python))


def _listing_of_places(
    layer: StackLayer, places: Iterable[tuple[str, str]], folder: str
) -> Listing:
    """The listing of a described folder: a place stands for all that is below it."""
    visible: set[str] = set()
    masked: set[str] = set()
    for owner, path in places:
        (masked if owner in layer.masked else visible).add(f"{folder}/{path}")
    return Listing(frozenset(visible), frozenset(masked))


def _place(listings: Sequence[Listing], folder: str) -> int | None:
    """The place in the stack of the nearest base that has the folder."""
    for place, listing in enumerate(listings, 1):
        if _has(listing.visible, folder):
            return None if _has(listing.masked, folder) else place
    return None


def _paths(store: Store, wheels: Iterable[WheelFacts], python: str) -> frozenset[str]:
    return frozenset(
        path_of(line).decode()
        for wheel in wheels
        for line in store.manifest(store_id(wheel.digest, python)).lines
        if not line.startswith(b"d")
    )


def _has(paths: frozenset[str], folder: str) -> bool:
    return any(
        path.startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/") for path in paths
    )


def _looked_into(store: Store, stored: str) -> Iterator[str]:
    """The folders of the tree that the libraries of a stored wheel look into."""
    for line in store.manifest(stored).lines:
        path = path_of(line).decode()
        if line.startswith(b"f") and ".so" in path.rpartition("/")[2]:
            yield from _searched(store.tree(stored), path)


def _searched(tree: str, path: str) -> tuple[str, ...]:
    with doing("read a shared library", f"{tree}/{path}"), open(f"{tree}/{path}", "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return ()
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
            memoryview(content) as view,
        ):
            return tuple(searched_folders(path, view))
