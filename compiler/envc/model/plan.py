"""The exact operations that turn an empty folder into a layer's tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from envc.model.digest import Digest


@dataclass(frozen=True, slots=True)
class LinkTree:
    """Link these files of a stored tree, each at the path that it has there.

    `store_id` names the tree in the store. A file that an earlier tree placed with the same
    content is not among the paths.
    """

    store_id: str
    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a file that is this layer's own."""

    path: str
    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class MakeSymlink:
    """Make a symlink; `destination` is written as it stands."""

    path: str
    destination: str


@dataclass(frozen=True, slots=True)
class TreePlan:
    """Everything one tree needs. Carried out in this order: directories, links, files, symlinks.

    `digest` is the tree digest of the finished tree: known before anything is written.
    """

    layer: str
    digest: Digest
    directories: tuple[bytes, ...]
    links: tuple[LinkTree, ...]
    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]

    def operations(self) -> Iterator[str]:
        """The plan in words, one operation a line."""
        for directory in self.directories:
            yield f"mkdir {directory.decode()}"
        for link in self.links:
            for path in link.paths:
                yield f"link {link.store_id} {path.decode()}"
        for file in self.files:
            yield f"write {file.path} {len(file.content)} bytes, mode {file.mode:04o}"
        for symlink in self.symlinks:
            yield f"symlink {symlink.path} -> {symlink.destination}"
