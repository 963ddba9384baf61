"""The exact operations that turn an empty folder into a layer's tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from envc.model.manifest import Manifest


@dataclass(frozen=True, slots=True)
class LinkTree:
    """Link every entry of a stored tree, but for the paths that an earlier tree already placed.

    `store_id` names the tree in the store; `manifest` lists it.
    """

    store_id: str
    manifest: Manifest
    omit: frozenset[bytes] = frozenset()


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

    `manifest` lists the finished tree: its digest is known before anything is written.
    """

    layer: str
    directories: tuple[bytes, ...]
    links: tuple[LinkTree, ...]
    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]
    manifest: Manifest

    def operations(self) -> Iterator[str]:
        """The plan in words, one operation a line."""
        for directory in self.directories:
            yield f"mkdir {directory.decode()}"
        for link in self.links:
            yield f"link {link.store_id} {len(link.manifest.lines)} entries"
            for path in sorted(link.omit):
                yield f"  omit {path.decode()}"
        for file in self.files:
            yield f"write {file.path} {len(file.content)} bytes, mode {file.mode:04o}"
        for symlink in self.symlinks:
            yield f"symlink {symlink.path} -> {symlink.destination}"
