"""The exact operations that turn an empty folder into a layer's tree."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from envc.model.digest import Digest
from envc.model.value import value


class PathLines(NamedTuple):
    """Paths in their order, kept as text of one a line: many hands pass them on, few walk them."""

    length: int
    text: bytes

    @classmethod
    def of(cls, paths: Iterable[bytes]) -> "PathLines":
        """These paths, none of which has a newline."""
        lines = list(paths)
        return cls(len(lines), b"\n".join(lines))

    def split(self) -> list[bytes]:
        """The paths."""
        return self.text.split(b"\n") if self.length else []


class LinkTree(NamedTuple):
    """Link these files of a stored tree, each at the path that it has there.

    `store_id` names the tree in the store. All paths are below `folder`, the deepest directory that
    the tree shares with others, empty for the root. A file that an earlier tree placed with the
    same content is not among the paths. The `directories` are those that nothing else needs:
    whoever carries this out makes them, and waits for nobody.
    """

    store_id: str
    folder: bytes
    directories: PathLines
    paths: PathLines

    def every_directory(self) -> Iterator[bytes]:
        """The directories as paths from the root, each after its parent."""
        return self._from_root(self.directories)

    def every_path(self) -> Iterator[bytes]:
        """The paths of the files from the root."""
        return self._from_root(self.paths)

    def _from_root(self, paths: PathLines) -> Iterator[bytes]:
        prefix = self.folder + b"/" if self.folder else b""
        return (prefix + path for path in paths.split())


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
            yield from link.every_directory()

    def operations(self) -> Iterator[str]:
        """The plan in words, one operation a line."""
        for directory in self.directories:
            yield f"mkdir {directory.decode()}"
        for link in self.links:
            for directory in link.every_directory():
                yield f"mkdir {directory.decode()}"
            for path in link.every_path():
                yield f"link {link.store_id} {path.decode()}"
        for file in self.files:
            yield f"write {file.path} {len(file.content)} bytes, mode {file.mode:04o}"
        for symlink in self.symlinks:
            yield f"symlink {symlink.path} -> {symlink.destination}"


@value
class View:
    """The files and symlinks that are the layer's own, each in order of path.

    `runtime_files` names the modules of `envc.runtime` that the tree needs in site-packages,
    without their suffix. `instead` are the paths of its files that take the place of stored ones.
    """

    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]
    runtime_files: tuple[str, ...]
    instead: frozenset[str] = frozenset()
