"""A table on disk: key → bytes, packed; for many processes at once, and never the truth.

SQLite keeps it in one file. What cannot be read counts as absent, what cannot be written is not
kept: a cache may be on a full disk, read-only, or left torn by a machine that went down.
"""

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping

_WAIT_SECONDS = 10.0
_KEYS_AT_ONCE = 500
# Rows that nobody has asked for longest go first, when there are more than this.
_MOST_ROWS = 200_000


class Table:
    """One named table in the file at `path`, which is made by the first write."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._name = name

    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The rows of these keys, as far as they are there."""
        wanted = list(keys)
        found: dict[str, bytes] = {}
        if not os.path.exists(self._path):
            return found
        with contextlib.suppress(sqlite3.Error, zlib.error), self._connected() as connection:
            for start in range(0, len(wanted), _KEYS_AT_ONCE):
                some = wanted[start : start + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT key, value FROM {self._name} WHERE key IN ({marks})",  # noqa: S608 - a name of ours, question marks
                    some,
                )
                found.update((key, zlib.decompress(value)) for key, value in rows)
        return found

    def write(self, rows: Mapping[str, bytes]) -> None:
        """Keep these rows, or do nothing where that is impossible."""
        if not rows:
            return
        packed = [(key, zlib.compress(value, 1)) for key, value in sorted(rows.items())]
        try:
            self._insert(packed)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                return  # full, read-only, or busy for long
            with contextlib.suppress(OSError):  # torn: begin again
                os.unlink(self._path)
            with contextlib.suppress(sqlite3.Error):
                self._insert(packed)

    def _insert(self, packed: list[tuple[str, bytes]]) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with self._connected() as connection, connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._name} (key TEXT PRIMARY KEY, value BLOB)"
            )
            connection.executemany(
                f"INSERT OR REPLACE INTO {self._name} (key, value) VALUES (?, ?)",  # noqa: S608 - as above
                packed,
            )
            # A replaced row gets a new rowid: the lowest are the oldest.
            connection.execute(
                f"DELETE FROM {self._name} WHERE rowid <= "  # noqa: S608 - as above
                f"(SELECT max(rowid) FROM {self._name}) - {_MOST_ROWS}"
            )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            connection.execute("PRAGMA synchronous = OFF")  # a cache: speed before a power cut
            yield connection
        finally:
            connection.close()
