"""What wheels contain, for a check: from cache, store, folder, ranges, else the whole wheel."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Generic, TypeVar

from envc.disk.memo import Memo
from envc.disk.table import Table
from envc.errors import EnvcError
from envc.host.context import Context
from envc.index import WheelFiles
from envc.model.digest import Digest
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.model.value import value
from envc.model.wheel import Library, Unknown, WheelContents
from envc.ports import SilentReporter
from envc.store import Store, store_id
from envc.store.contents import read_contents, read_libraries, stored_contents, stored_libraries

_READS_AT_ONCE = 8
# Wheels whose contents are kept in memory; the cache has the others.
_KEPT = 1_000
# Whose code decides what is known of a wheel.
_ROOMS = ("store", "formats", "model")

Value = TypeVar("Value")


@value
class _Kind(Generic[Value]):
    """A kind of knowledge of a wheel: where it is kept, and how it is read, given an X.Y."""

    memo: Memo[Value]
    stored: Callable[[Store, LockedWheel, str], Value]
    parse: Callable[[BinaryIO, LockedWheel, str], Value]


class ContentsSource:
    """Contents of locked wheels on an X.Y, each read once and then kept under its digest.

    `wheelhouses` are folders of wheels, `indexes` the site's: their credentials serve for wheels.
    """

    def __init__(
        self,
        python: str,
        context: Context,
        *,
        wheelhouses: Sequence[str] = (),
        indexes: Sequence[IndexSpec] = (),
    ) -> None:
        self._python = python
        self._context = context
        self._wheelhouses = tuple(wheelhouses)
        self._indexes = tuple(indexes)
        table = Table(check_cache(context), "contents")
        self._of_contents = _Kind(
            Memo(table, WheelContents, rooms=_ROOMS), stored_contents, read_contents
        )
        self._of_libraries = _Kind[tuple[Library, ...]](
            Memo(table, tuple[Library, ...], rooms=_ROOMS), stored_libraries, read_libraries
        )
        self._known: dict[Digest, WheelContents] = {}
        self.received_bytes = 0

    def quieten(self) -> None:
        """Report nothing any more."""
        self._context = self._context._replace(reporter=SilentReporter())

    def contents(
        self, wheels: Iterable[LockedWheel], *, folder: str | None = None
    ) -> dict[Digest, WheelContents | Unknown]:
        """The contents by digest. `folder` is an overlay's own, whose store may have its wheels."""
        if len(self._known) > _KEPT:
            self._known.clear()
        by_digest = {wheel.digest: wheel for wheel in wheels}
        missing = [wheel for digest, wheel in by_digest.items() if digest not in self._known]
        found = self._all(self._of_contents, missing, folder)
        for digest, contents in found.items():
            if isinstance(contents, WheelContents):
                self._known[digest] = contents
        return {d: self._known[d] if d in self._known else found[d] for d in by_digest}

    def libraries(
        self, wheels: Iterable[LockedWheel], *, folder: str | None = None
    ) -> dict[Digest, "tuple[Library, ...] | Unknown"]:
        """The shared libraries by digest, their headers read."""
        distinct = list({wheel.digest: wheel for wheel in wheels}.values())
        return self._all(self._of_libraries, distinct, folder)

    def _all(
        self, kind: "_Kind[Value]", wheels: Sequence[LockedWheel], folder: str | None
    ) -> dict[Digest, "Value | Unknown"]:
        """One kind of knowledge of wheels: cached, else read and then kept."""
        keys = {wheel.digest: kind.memo.key(wheel.digest, self._python) for wheel in wheels}
        kept = kind.memo.read_all(keys.values())
        found: dict[Digest, Value | Unknown] = {
            digest: kept[key] for digest, key in keys.items() if key in kept
        }
        missing = [wheel for wheel in wheels if wheel.digest not in found]
        if missing:
            fresh = self._read(kind, missing, folder)
            kind.memo.write_all(
                {
                    keys[digest]: value
                    for digest, value in fresh.items()
                    if not isinstance(value, Unknown)
                }
            )
            found |= fresh
        return found

    def _read(
        self, kind: "_Kind[Value]", wheels: Sequence[LockedWheel], folder: str | None
    ) -> dict[Digest, "Value | Unknown"]:
        """The same, read from wherever the wheels are, several at a time."""
        with self._reader() as reader:

            def read(wheel: LockedWheel) -> Value | Unknown:
                try:
                    for store in self._stores(folder):
                        if store.has(store_id(wheel.digest, self._python)):
                            return kind.stored(store, wheel, self._python)
                    return reader.read(wheel, lambda file: kind.parse(file, wheel, self._python))
                except EnvcError as error:
                    project = wheel.filename.partition("-")[0].lower().replace("_", "-")
                    return Unknown(project, error.faults[0])

            with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
                values = list(pool.map(read, wheels))
            self.received_bytes += reader.received_bytes
        return {wheel.digest: value for wheel, value in zip(wheels, values, strict=True)}

    def _reader(self) -> WheelFiles:
        return WheelFiles(
            cache=self._context.cache,
            wheelhouses=self._wheelhouses,
            indexes=self._indexes,
            offline=self._context.offline,
            reporter=self._context.reporter,
        )

    def _stores(self, folder: str | None) -> list[Store]:
        """The stores that may have a wheel: the overlay's own, and the one of `ENVC_TARGET`."""
        folders = (folder, os.environ.get("ENVC_TARGET"))
        return [Store(f"{os.path.abspath(each)}/store") for each in folders if each]


def check_cache(context: Context) -> str:
    """The file in which a check keeps what it knows."""
    return f"{context.cache}/check-v1.sqlite"
