"""A file to read that several threads and forks may have open at once."""

import io
import os
from typing import Any


class PositionedFile(io.FileIO):
    """A file with a position of its own: that of the open file is shared with every fork."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._position = 0

    def at(self, offset: int, size: int) -> bytes:
        """So many bytes from there on, fewer at the end; the position stays."""
        return os.pread(self.fileno(), size, offset)

    def readinto(self, buffer: Any) -> int:
        """As `io.FileIO` has it."""
        size_bytes = os.preadv(self.fileno(), [buffer], self._position)
        self._position += size_bytes
        return size_bytes

    def read(self, size: int | None = -1) -> bytes:
        """As `io.FileIO` has it."""
        if size is None or size < 0:
            size = max(0, self._end() - self._position)
        content = os.pread(self.fileno(), size, self._position)
        self._position += len(content)
        return content

    def tell(self) -> int:
        """As `io.FileIO` has it."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As `io.FileIO` has it."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end()}
        self._position = starts[whence] + offset
        return self._position

    def _end(self) -> int:
        return os.fstat(self.fileno()).st_size
