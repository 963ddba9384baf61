"""An archive that a stranger has made, whatever it is compressed with: read in bounds."""

import gzip
import io
import lzma
import os
import tarfile
import zlib
from bz2 import BZ2File
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO, cast

from envc.disk.zstandard import ZstdError, ZstdFile

# A read of tarfile's own: a header of its extensions.
MOST_AT_ONCE = 1 << 24
_MOST_RATIO = 100
_SMALL_BYTES = 1 << 28
_PIECE_BYTES = 1 << 16
_HEAD_BYTES = 6
# What reading a broken one may raise.
BROKEN: tuple[type[Exception], ...] = (
    *(tarfile.TarError, EOFError, ArithmeticError, ValueError),
    *(gzip.BadGzipFile, lzma.LZMAError, zlib.error, ZstdError),
)


def is_archive(head: bytes) -> bool:
    """Whether a file that starts so may be an archive: 512 bytes of it."""
    return _opener_of(head) is not None or head[257:262] == b"ustar"


def tar_in(file: IO[bytes], stack: ExitStack) -> tarfile.TarFile:
    """The archive that a file is."""
    head = file.read(_HEAD_BYTES)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    opener = _opener_of(head)
    plain = file if opener is None else stack.enter_context(opener(file))
    most = size if opener is None else _MOST_RATIO * size + _SMALL_BYTES
    bounded = cast("IO[bytes]", _Bounded(plain, most))
    return stack.enter_context(tarfile.open(fileobj=bounded, mode="r:"))


def members_of(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members of an archive, each forgotten as soon as it was given.

    Raises:
        ValueError: it was cut off.
    """
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined] # a million of them would fill the memory
    if not cast("_Bounded", tar.fileobj).has_ended():
        raise ValueError("it ends in the middle")


def content_of(file: IO[bytes], most: int) -> bytes:
    """What a file starts with, read piece by piece."""
    pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
    return b"".join(islice(pieces, most // _PIECE_BYTES))


def _opener_of(head: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """What reads a compressed file that starts so; None: it is not compressed."""
    if head.startswith(b"\x1f\x8b"):
        return lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return lambda file: cast("IO[bytes]", ZstdFile(file))
    if head.startswith(b"\xfd7zXZ\0"):
        return lambda file: cast("IO[bytes]", lzma.LZMAFile(file))
    return (lambda file: cast("IO[bytes]", BZ2File(file))) if head.startswith(b"BZh") else None


class _Bounded(io.RawIOBase):
    """A file that is read so far and no further, and never much of it at once."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        super().__init__()
        self._file = file
        self._most = most
        self._last = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def has_ended(self) -> bool:
        """Whether what was read last is the mark of an archive's end."""
        return self._last == bytes(tarfile.BLOCKSIZE)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            ValueError: there are more than may be.
        """
        if not 0 <= size <= MOST_AT_ONCE:
            raise ValueError(f"it asks for {size} bytes at once")
        content = self._last = self._file.read(size)
        if self._file.tell() > self._most:
            raise ValueError(f"it unpacks to more than {_MOST_RATIO} times its size")
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go there."""
        if whence == os.SEEK_SET and offset > self._most:
            raise ValueError(f"it unpacks to more than {_MOST_RATIO} times its size")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()
