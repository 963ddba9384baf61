"""The exact operations that turn an empty folder into a layer's tree."""

from collections.abc import Iterator
from typing import NamedTuple

from envc.model.digest import Digest


class LinkTree(NamedTuple):
    """Link these files of a stored tree, each at the path that it has there.

    `store_id` names the tree in the store. A file that an earlier tree placed with the same
    content is not among the paths. The `directories` are those that nothing else needs: whoever
    carries this out makes them, and waits for nobody.
    """

    store_id: str
    directories: tuple[bytes, ...]
    paths: tuple[bytes, ...]


class WriteFile(NamedTuple):
    """Write a file that is this layer's own."""

    path: str
    content: bytes
    mode: int


class MakeSymlink(NamedTuple):
    """Make a symlink; `destination` is written as it stands."""

    path: str
    destination: str


class TreePlan(NamedTuple):
    """Everything one tree needs. Carried out in this order: directories, links, files, symlinks.

    `directories` are those that several trees, or the layer's own files, need. `digest` is the
    tree digest of the finished tree: known before anything is written.
    """

    layer: str
    digest: Digest
    directories: tuple[bytes, ...]
    links: tuple[LinkTree, ...]
    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]

    def every_directory(self) -> Iterator[bytes]:
        """All directories of the tree, each after its parent."""
        yield from self.directories
        for link in self.links:
            yield from link.directories

    def operations(self) -> Iterator[str]:
        """The plan in words, one operation a line."""
        for directory in self.directories:
            yield f"mkdir {directory.decode()}"
        for link in self.links:
            for directory in link.directories:
                yield f"mkdir {directory.decode()}"
            for path in link.paths:
                yield f"link {link.store_id} {path.decode()}"
        for file in self.files:
            yield f"write {file.path} {len(file.content)} bytes, mode {file.mode:04o}"
        for symlink in self.symlinks:
            yield f"symlink {symlink.path} -> {symlink.destination}"
