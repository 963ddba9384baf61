r"""A tree's listing: one line an entry, and the digest of all lines is the tree digest.

    kind TAB mode TAB size TAB content TAB path NEWLINE

    f  0444  1234  <64 hexadecimal digits>  lib/python3.11/site-packages/six.py
    d  0755  0     -                        bin
    l  0777  0     /usr/bin/python3.11      bin/python

`content` is the sha256 of a file, `-` of a directory, the destination of a symlink. Lines are in
order of the path's UTF-8 bytes; no path holds a control character (ingest sees to it). The text
itself is the value: tens of thousands of entries are linked, merged and compared without an
object for each.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from envc.model.digest import Digest, digest_of

Kind = Literal["f", "d", "l"]
DifferenceKind = Literal["missing", "changed", "extra", "mode", "link"]

_KINDS: dict[str, Kind] = {"f": "f", "d": "d", "l": "l"}

FILE_MODE = 0o444
EXECUTABLE_MODE = 0o555
DIRECTORY_MODE = 0o755
PUBLISHED_MTIME_SECONDS = 315_532_800
"""The modification time of every directory of a published tree, and of its files, whose contents
are told by a fraction of a second: 1980-01-01T00:00:00Z, the earliest time of a ZIP archive.

The start-up hook trusts the compiled index of a site-packages directory that still has it.
"""
# Below what a float of seconds would round up to the next one.
_FRACTIONS = 999_000_000


def published_ns(content: str) -> int:
    """The modification time of a file with that sha256, in nanoseconds.

    Caches go by path, time and size (numba's), and a path may be another release's in
    another generation, or on another node: the fraction of the second tells contents apart.
    """
    return PUBLISHED_MTIME_SECONDS * 1_000_000_000 + int(content[:12], 16) % _FRACTIONS


class Entry(NamedTuple):
    """One line of a manifest; `content` as the module's docstring says."""

    kind: Kind
    mode: int
    size_bytes: int
    content: str
    path: str

    def line(self) -> bytes:
        """The entry as its line, without the newline."""
        text = f"{self.kind}\t{self.mode:04o}\t{self.size_bytes}\t{self.content}\t{self.path}"
        return text.encode()


def directory_entry(path: str) -> Entry:
    """The entry of a directory; all have one mode."""
    return Entry("d", DIRECTORY_MODE, 0, "-", path)


def parse_line(line: bytes) -> Entry:
    """The entry of one line.

    Raises:
        ValueError, KeyError: the line is not of the form above.
    """
    kind, mode, size, content, path = line.decode().split("\t")
    return Entry(_KINDS[kind], int(mode, 8), int(size), content, path)


def path_of(line: bytes) -> bytes:
    """The path of one line: what lines are ordered by."""
    return line.rsplit(b"\t", 1)[1]


def parents_of(paths: Iterable[str]) -> list[str]:
    """Every folder above these paths, in order: each after the one that holds it."""
    folders: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return sorted(folders)


class Manifest(NamedTuple):
    """The lines of one tree, in order of path."""

    lines: tuple[bytes, ...]

    def text(self) -> bytes:
        """The lines as the file that is stored; its digest is the tree digest."""
        return b"".join(line + b"\n" for line in self.lines)

    def digest(self) -> Digest:
        """The tree digest: over path, kind, mode and content of every entry."""
        return digest_of(self.text())

    def entries(self) -> Iterator[Entry]:
        """The lines, parsed one after another."""
        return map(parse_line, self.lines)

    def folders(self) -> Iterator[str]:
        """The paths of the directories, each after the one that holds it."""
        return (path_of(line).decode() for line in self.lines if line.startswith(b"d"))


def manifest_from_text(text: bytes) -> Manifest:
    """The manifest that `Manifest.text` wrote. Lines are not checked here."""
    return Manifest(tuple(text.split(b"\n")[:-1]))


def manifest_of(lines: Iterable[bytes]) -> Manifest:
    """The manifest of these lines, in any order, equal lines once."""
    return Manifest(tuple(sorted(set(lines), key=path_of)))


class Difference(NamedTuple):
    """One path that is not as it was published; of a folder that is gone, or extra, that alone."""

    path: str
    kind: DifferenceKind
