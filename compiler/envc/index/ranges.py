"""A remote file that can be read at any place: a few ranged requests instead of the whole."""

import io
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, cast

from envc.index.client import Client
from envc.model.value import value

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The end of central directory and, for most wheels, the directory and METADATA with it: large
# wheels have more files to list.
TAIL_BYTES = 64 * 1024
_LONGEST_TAIL_BYTES = 256 * 1024
_WHEEL_PER_TAIL = 50
CHUNK_BYTES = 64 * 1024
# Directories of the largest wheels have a tenth of it; who needs more needs the whole file.
_MOST_BYTES = 64 * 1024 * 1024

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class NoRangesError(Exception):
    """The server does not answer ranged requests as it should: the whole file is needed."""


class RangesRefusedError(NoRangesError):
    """The server answers ranged requests with something else: it will do so again."""


@value
class Piece:
    """A part of a remote file, and how long the whole is."""

    start: int
    content: bytes
    size_bytes: int


class RangedFile(io.RawIOBase):
    """A file of which the last piece is known.

    `fetch(start, end)` gets exactly the bytes from `start` up to, not including, `end`. Nothing
    is fetched twice; a miss fetches a chunk, so that reading on coalesces.
    """

    def __init__(self, tail: Piece, *, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size_bytes = tail.size_bytes
        self._fetch = fetch
        self._segments = [(tail.start, tail.content)]
        self._position = 0
        self._left_bytes = _MOST_BYTES

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
        """Fill the buffer from one segment; whoever wants more reads on."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size_bytes - self._position)
        if wanted <= 0:
            return 0
        start, content = self._segment(wanted)
        offset = self._position - start
        piece = content[offset : offset + wanted]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _segment(self, wanted: int) -> tuple[int, bytes]:
        """The segment that holds the present position, fetched if need be."""
        for start, content in self._segments:
            if start <= self._position < start + len(content):
                return start, content
        later = [start for start, _ in self._segments if start > self._position]
        end = min(self._position + max(wanted, CHUNK_BYTES), self._size_bytes, *later)
        self._left_bytes -= end - self._position
        if self._left_bytes < 0:
            raise NoRangesError
        segment = (self._position, self._fetch(self._position, end))
        self._segments.append(segment)
        return segment


def open_remote(client: Client, url: str, *, index: str, size_bytes: int | None) -> BinaryIO:
    """A remote file, its last bytes already read; `size_bytes` as far as the index tells it.

    Raises:
        NoRangesError: on opening or later reading, the server does not do ranges.
        OutsideError: the server did not answer.
    """

    def fetch(start: int, end: int) -> bytes:
        piece = _piece(client, url, index, span=f"{start}-{end - 1}", most_bytes=end - start)
        if (piece.start, len(piece.content)) != (start, end - start):
            raise NoRangesError
        return piece.content

    if not size_bytes:
        tail = _piece(client, url, index, span=f"-{TAIL_BYTES}", most_bytes=TAIL_BYTES)
    else:
        tail_bytes = min(max(size_bytes // _WHEEL_PER_TAIL, TAIL_BYTES), _LONGEST_TAIL_BYTES)
        start = max(size_bytes - tail_bytes, 0)
        span = f"{start}-{size_bytes - 1}"
        tail = _piece(client, url, index, span=span, most_bytes=tail_bytes)
    if size_bytes and size_bytes != tail.size_bytes:
        raise NoRangesError  # the index is wrong about the file: the whole tells how long it is
    if tail.start + len(tail.content) != tail.size_bytes:
        raise NoRangesError
    return cast("BinaryIO", io.BufferedReader(RangedFile(tail, fetch=fetch), CHUNK_BYTES))


def _piece(client: Client, url: str, index: str, *, span: str, most_bytes: int) -> Piece:
    import httpx

    headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
    # Proxies refuse ranges with all kinds of statuses: the whole file shows whether it can be had.
    with client.stream(url, index=index, headers=headers, any_status=True) as response:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status_code != HTTPStatus.PARTIAL_CONTENT or found is None:
            raise RangesRefusedError  # the body may be the whole file: it is left unread
        start, last, size_bytes = map(int, found.groups())
        if not 0 < last - start + 1 <= most_bytes:
            raise NoRangesError  # more than was asked for
        content = bytearray()
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > last - start + 1:
                    raise NoRangesError
        except httpx.HTTPError as error:
            raise NoRangesError from error
    if len(content) != last - start + 1:
        raise NoRangesError
    return Piece(start, bytes(content), size_bytes)
