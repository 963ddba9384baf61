"""Memos: what was computed before, by the same code from the same things, is not computed again.

Every key holds the digest of the code that fills the memo, so that a rule of today is never passed
by what another envc has found, and nobody has to remember to raise a number. What is absent,
damaged, or of another form is computed anew: nothing rests on a memo.
"""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from envc.disk.code import digest_of_code
from envc.disk.digests import digest_of_file
from envc.formats.values import FormError, json_of, value_of_json
from envc.model.digest import Digest, digest_of_json, hex_of

if TYPE_CHECKING:
    from envc.disk.cache import Cache, CacheFolder
    from envc.disk.table import Table  # sqlite3 is dear, and few memos are kept in one

Value = TypeVar("Value")


def memo_key(rooms: tuple[str, ...], *inputs: Any) -> str:
    """The name of what the code in these rooms makes of these inputs, which have a form in JSON."""
    return hex_of(digest_of_json([digest_of_code(*rooms), *inputs]))


class Memo(Generic[Value]):
    """Values of one kind by their keys. `rooms` hold all the code that decides what they are.

    They are kept in files, or where many small ones are asked for at once, in a table. Both are
    bounded, hold whole rows or none, and may be used by many processes at once.
    """

    def __init__(
        self, rows: "CacheFolder | Table", kind: type[Value], *, rooms: tuple[str, ...]
    ) -> None:
        self._rows = rows
        self._kind = kind
        self._rooms = rooms

    def key(self, *inputs: Any) -> str:
        """The key of what is computed from these inputs, which have a form in JSON."""
        return memo_key(self._rooms, self._kind.__name__, *inputs)

    def read(self, key: str) -> Value | None:
        """The value that was kept under a key, or None."""
        return self.read_all([key]).get(key)

    def read_all(self, keys: Iterable[str]) -> dict[str, Value]:
        """The values that were kept under these keys, as far as they are there and whole."""
        found: dict[str, Value] = {}
        for key, content in self._rows.read(keys).items():
            try:
                found[key] = value_of_json(self._kind, content)
            except FormError:
                continue
        return found

    def write(self, key: str, value: Value) -> None:
        """Keep a value, where that is possible."""
        self.write_all({key: value})

    def write_all(self, values: Mapping[str, Value]) -> None:
        """Keep these values, where that is possible."""
        self._rows.write({key: json_of(value) for key, value in values.items()})


class DigestMemo:
    """Digests of files, which the cache knows as long as the files are not touched."""

    def __init__(self, cache: "Cache") -> None:
        from envc.disk.cache import CacheFolder

        rooms = ("disk", "formats", "model")
        self._known = Memo(CacheFolder(cache, "digests-v1"), str, rooms=rooms)

    def of(self, path: str, status: os.stat_result) -> Digest:
        """The digest of a file that looks so.

        Raises:
            OSError: it cannot be read.
        """
        key = self._known.key(path, status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._known.read(key)
        if known is not None:
            return Digest(known)
        digest = digest_of_file(path)
        self._known.write(key, digest)
        return digest
