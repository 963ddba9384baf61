"""A core's archive, read strictly: a tar stream → files, folders and links below one folder.

What is refused: paths that lead out or cannot be files, links that lead out, two members of one
path, members below a link, devices, sockets, setuid, sparse files, and more than `limits` allow.
Modes and times are those of all stored files. Case does not count: cores stand on Linux, and the
terminal descriptions that they carry differ in it.

Source: https://www.gnu.org/software/tar/manual/html_node/Standard.html; PEP 706
"""

import gzip
import io
import lzma
import os
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, cast

from envc.disk.untar import leads_out
from envc.disk.zstandard import ZstdError, ZstdFile
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE, parents_of
from envc.store import limits
from envc.store.names import name_problem
from envc.store.refusal import Problem, RefusedError
from envc.store.writer import TreeWriter

_SPECIAL_BITS = 0o6000
_EXECUTABLE_BITS = 0o111
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_EXTENSION_BYTES = 1 << 20
_DAMAGED = (
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    ZstdError,
    EOFError,
    ValueError,
)


def unpack_tar(chunks: Iterable[bytes], folder: str, packed_bytes: int | None = None) -> None:
    """Write what a tar archive holds into a folder that exists and is empty.

    `packed_bytes` is the size of the archive that its chunks were unpacked from; None: it is no
    longer known, and only the total is limited.

    Raises:
        RefusedError: the archive is hostile, or damaged; what was written before stays.
        OSError: the disk refused.
    """
    stream = cast("IO[bytes]", _Chunks(_limited(chunks, packed_bytes)))
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
            _Unpacking(folder).run(tar)
    except _DAMAGED as error:
        raise RefusedError(Problem("", f"it is no tar archive, or damaged: {error}")) from error


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The tar archive in a file that may be compressed with gzip, xz or Zstandard, in chunks."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    elif start == b"\xfd7zXZ\0":
        file = cast("IO[bytes]", lzma.LZMAFile(file))  # noqa: SIM115 - it opens nothing
    elif start.startswith(b"\x28\xb5\x2f\xfd"):
        file = cast("IO[bytes]", ZstdFile(file))
    return _pieces(file)


def _limited(chunks: Iterable[bytes], packed_bytes: int | None) -> Iterator[bytes]:
    """The chunks, with an error where they grow too large, or too much for their archive."""
    left = limits.TOTAL_BYTES
    if packed_bytes is not None:
        left = min(left, max(limits.RATIO_EXEMPT_BYTES, packed_bytes * limits.RATIO))
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise RefusedError(Problem("", "it unpacks to far more than an archive of its size"))
        yield chunk


class _Chunks(io.RawIOBase):
    """Chunks of any size as a file to read, once and forwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = filter(None, chunks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Up to so many of the next bytes; none at the end."""
        chunk = self._rest or next(self._chunks, b"")
        self._rest = chunk[size:]
        return chunk[:size]


class _Member(tarfile.TarInfo):
    """A header; those that only extend the next one are read whole, so they must be small."""

    def _proc_member(self, tar: tarfile.TarFile) -> "_Member":
        if self.size < 0 or (self.type in _EXTENSIONS and self.size > _EXTENSION_BYTES):
            raise RefusedError(Problem(self.name, "its header claims an impossible size"))
        return cast("_Member", super()._proc_member(tar))  # type: ignore[misc] # a documented hook


class _Unpacking:
    """One archive: what it has made so far, by path."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._folders: set[str] = set()
        self._links: dict[str, str] = {}

    def run(self, tar: tarfile.TarFile) -> None:
        with TreeWriter(self._folder) as writer:
            for number, member in enumerate(tar):
                if number >= limits.ENTRIES:
                    raise RefusedError(Problem("", f"it has more than {limits.ENTRIES} entries"))
                path = member.name.removeprefix("./")
                if member.isdir() and path in {"", "."}:
                    continue
                problem = name_problem(path) or _kind_problem(member) or self._clash(path, member)
                if problem is not None:
                    raise RefusedError(Problem(path, problem))
                self._folders.update(parents_of([path]))
                self._make(writer, path, tar, member)
            self._make_links(writer)
            for folder in sorted({"", *self._folders}):
                writer.seal(folder)

    def _make(
        self, writer: TreeWriter, path: str, tar: tarfile.TarFile, member: tarfile.TarInfo
    ) -> None:
        if member.isdir():
            self._folders.add(path)
        elif member.issym():
            self._links[path] = member.linkname
        elif member.islnk():
            earlier = member.linkname.removeprefix("./")
            if earlier not in self._files:
                raise RefusedError(Problem(path, "it is a hard link to no file before it"))
            self._files[path] = mode = self._files[earlier]
            with open(f"{self._folder}/{earlier}", "rb") as file:
                writer.write(path, _pieces(file), mode)
        else:
            mode = EXECUTABLE_MODE if member.mode & _EXECUTABLE_BITS else FILE_MODE
            self._files[path] = mode
            content = tar.extractfile(member)
            writer.write(path, _pieces(content) if content is not None else (), mode)

    def _clash(self, path: str, member: tarfile.TarInfo) -> str | None:
        """Why a member cannot stand beside those before it."""
        if path in self._files or path in self._links:
            return "it is there twice"
        if path in self._folders and not member.isdir():
            return "it is a folder, too"
        for above in parents_of([path]):
            if above in self._links:
                return "it stands below a link"
            if above in self._files:
                return "it stands below a file"
        return None

    def _make_links(self, writer: TreeWriter) -> None:
        """Make the links, unless one leads out of the tree, by itself or by way of others."""
        for path, destination in self._links.items():
            if posixpath.isabs(destination) or not destination or not destination.isprintable():
                raise RefusedError(Problem(path, "its link is absolute, or no path"))
            if leads_out(path, self._links):
                raise RefusedError(Problem(path, "its link leads out of the tree"))
        for path, destination in self._links.items():
            writer.seal(posixpath.dirname(path))  # it may hold nothing else
            os.symlink(destination, f"{self._folder}/{path}")


def _kind_problem(member: tarfile.TarInfo) -> str | None:
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return "it is neither a file nor a folder nor a link"
    if member.issparse():
        return "it is a sparse file"
    if member.mode & _SPECIAL_BITS and not member.isdir():
        return "it is setuid or setgid"
    if member.size > limits.FILE_BYTES:
        return "it is too large"
    return None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(limits.CHUNK_BYTES):
        yield piece
