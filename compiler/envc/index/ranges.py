"""A remote file of which only the parts are fetched that a reader looks at."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from envc.index.client import Client, failures

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The end of central directory and, for most wheels, the directory and METADATA with it.
TAIL_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")

Reply = TypeVar("Reply")


class NoRangesError(Exception):
    """The server does not answer ranged requests as it should: the whole file is needed."""


class MissingBytesError(Exception):
    """A reader came to bytes that are not there yet: those from `start` up to `end`."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a remote file, and how long the whole is."""

    start: int
    content: bytes
    size_bytes: int


class RangedFile(io.RawIOBase):
    """A file of which some pieces are known, one at least.

    Reading elsewhere raises MissingBytesError, for a chunk, so that reading on coalesces, and for
    nothing that is there.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._pieces = pieces
        self._size_bytes = pieces[0].size_bytes
        self._position = 0

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; a place before the start is a ValueError, as for any file."""
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}
        position = origins[whence] + offset
        if position < 0:
            raise ValueError("a place before the start of the file")
        self._position = position
        return position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer from one piece; whoever wants more reads on."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size_bytes - self._position)
        if wanted <= 0:
            return 0
        piece = self._piece(wanted)
        offset = self._position - piece.start
        content = piece.content[offset : offset + wanted]
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _piece(self, wanted: int) -> Piece:
        """The piece that holds the present position."""
        for piece in self._pieces:
            if piece.start <= self._position < piece.start + len(piece.content):
                return piece
        later = [piece.start for piece in self._pieces if piece.start > self._position]
        end = min(self._position + max(wanted, CHUNK_BYTES), self._size_bytes, *later)
        raise MissingBytesError(self._position, end)


async def read_ranges(
    client: Client,
    url: str,
    *,
    index: str,
    size_bytes: int | None,
    read: Callable[[BinaryIO], Reply],
) -> Reply:
    """What `read` makes of a remote file; `size_bytes` as far as the index tells it.

    `read` runs in a worker thread, again from the start each time that bytes were missing.

    Raises:
        NoRangesError: the server does not do ranges.
        OutsideError: the server did not answer.
    """
    if size_bytes is None:
        tail = await _fetch(client, url, index, span=f"-{TAIL_BYTES}")
    else:
        start = max(size_bytes - TAIL_BYTES, 0)
        tail = await _fetch(client, url, index, span=f"{start}-{size_bytes - 1}")
    if tail.start + len(tail.content) != tail.size_bytes:
        raise NoRangesError
    pieces = [tail]
    while True:
        file = io.BufferedReader(RangedFile(pieces), CHUNK_BYTES)
        try:
            return await client.loop.in_worker(partial(read, cast("BinaryIO", file)))
        except MissingBytesError as missing:
            start, end = missing.start, missing.end
        piece = await _fetch(client, url, index, span=f"{start}-{end - 1}")
        if (piece.start, len(piece.content)) != (start, end - start):
            raise NoRangesError
        pieces.append(piece)


async def _fetch(client: Client, url: str, index: str, *, span: str) -> Piece:
    headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
    async with client.stream(url, index=index, headers=headers, apart=True) as response:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status_code != HTTPStatus.PARTIAL_CONTENT or found is None:
            raise NoRangesError  # the body may be the whole file: it is left unread
        start, last, size_bytes = map(int, found.groups())
        content = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > last - start + 1:
                    raise NoRangesError
        except failures() as error:
            raise NoRangesError from error
    if len(content) != last - start + 1:
        raise NoRangesError
    return Piece(start, bytes(content), size_bytes)
