"""What wheels contain, for a check: from cache, store, folder, ranges, else the whole wheel."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from time import monotonic
from typing import BinaryIO, Generic, NamedTuple, TypeVar

from envc.disk.memo import Memo
from envc.disk.table import Table
from envc.errors import EnvcError, Fault
from envc.host.context import Context
from envc.index import WheelFiles
from envc.index.ahead import Workers
from envc.index.wheels import Look
from envc.model.digest import Digest, digest_from_hex
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.model.value import replace, value
from envc.model.wheel import Library, Unknown, WheelContents
from envc.ports import SilentReporter
from envc.store import Store, store_id
from envc.store.contents import read_contents, read_libraries, stored_contents, stored_libraries

# No wheel of a stranger is read that is larger.
MOST_OF_A_WHEEL = 1 << 32
# Wheels whose contents are kept in memory; the cache has the others.
_KEPT = 1_000
# Whose code decides what is known of a wheel.
_ROOMS = ("store", "formats", "model")

Value = TypeVar("Value")


class Patience(NamedTuple):
    """How many seconds the next wheel may take, a large one more; and all of a user's overlays.

    While `slowest_bytes_a_second` arrive, only the last counts.
    """

    seconds: float = 5
    of_a_large_one: float = 60
    of_a_user: float = 180
    bytes_a_second: int = 5_000_000
    slowest_bytes_a_second: int = 20_000

    def for_wheel(self, size_bytes: int) -> float:
        """For a wheel of that size, as its lock says."""
        return min(self.seconds + size_bytes / self.bytes_a_second, self.of_a_large_one)


PATIENCE = Patience()


@value
class _Kind(Generic[Value]):
    """A kind of knowledge of a wheel: where it is kept, and how it is read, given an X.Y."""

    memo: Memo[Value]
    stored: Callable[[Store, LockedWheel, str], Value]
    parse: Callable[[BinaryIO, LockedWheel, str], Value]


_LATE = Fault(
    "who has the wheel took too long to give it",
    mend="run `envc check` again, or name a folder that has it with `--from`",
)


class _Patience:
    """How long wheels of overlays are waited for: a silent server costs nobody else's verdict.

    Those of the site are waited for as long as it takes. `received_bytes` tells what has come.
    """

    def __init__(self) -> None:
        self._left: dict[str, float] = {}

    def answered(
        self,
        asked: "Mapping[Future[Value], LockedWheel]",
        folder: str | None,
        received_bytes: Callable[[], int],
    ) -> "set[Future[Value]]":
        """Those that have an answer, when all have one or patience is at its end."""
        if folder is None:
            return set(wait(asked).done)
        user, since = os.path.dirname(folder), monotonic()
        left = self._left.get(user, PATIENCE.of_a_user)
        waiting = set(asked)
        while waiting and left > 0:
            largest = max(asked[each].size_bytes or 0 for each in waiting)
            patience, before = min(PATIENCE.for_wheel(largest), left), received_bytes()
            done, waiting = wait(waiting, patience, return_when=FIRST_COMPLETED)
            least_bytes = patience * PATIENCE.slowest_bytes_a_second
            if not done and received_bytes() - before < least_bytes:
                break
            left = self._left.get(user, PATIENCE.of_a_user) - (monotonic() - since)
        self._left[user] = self._left.get(user, PATIENCE.of_a_user) - (monotonic() - since)
        return set(asked) - waiting


class ContentsSource:
    """Contents of locked wheels on an X.Y, each read once and then kept.

    They are kept under the digest of a wheel that was read whole and has it. What a server gives
    some ranges of is its word: it is kept for locks that have this digest from this URL, and serves
    no other.

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
        self._known: dict[tuple[Digest, str], WheelContents] = {}
        self._strangers: dict[str, int] = {}
        self._patience = _Patience()
        self.received_bytes = 0

    def quieten(self) -> None:
        """Report nothing any more."""
        self._context = self._context._replace(reporter=SilentReporter())

    def distrust(self, folder: str, owner: int) -> None:
        """Take of an overlay's folder only wheels that are that user's files, up to a bound."""
        self._strangers[folder] = owner

    def contents(
        self, wheels: Iterable[LockedWheel], *, folder: str | None = None
    ) -> dict[Digest, WheelContents | Unknown]:
        """The contents by digest. `folder` is an overlay's own, whose store may have its wheels."""
        if len(self._known) > _KEPT:
            self._known.clear()
        by_name = {_name(wheel): wheel for wheel in wheels}
        missing = [wheel for name, wheel in by_name.items() if name not in self._known]
        found = self._all(self._of_contents, missing, folder)
        for name, wheel in by_name.items():
            contents = found.get(wheel.digest)
            if isinstance(contents, WheelContents):
                self._known[name] = contents
        return {n[0]: self._known[n] if n in self._known else found[n[0]] for n in by_name}

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

        def key(wheel: LockedWheel, *said_by: str) -> str:
            return kind.memo.key(wheel.digest, self._python, *said_by)

        found: dict[Digest, Value | Unknown] = {}
        proved = {wheel.digest: key(wheel) for wheel in wheels}
        claimed = {wheel.digest: key(wheel, wheel.url) for wheel in wheels if wheel.url is not None}
        for keys in (proved, claimed):
            asked = {digest: each for digest, each in keys.items() if digest not in found}
            kept = kind.memo.read_all(asked.values()) if asked else {}
            found |= {digest: kept[each] for digest, each in asked.items() if each in kept}
        missing = [wheel for wheel in wheels if wheel.digest not in found]
        if missing:
            fresh: dict[str, Value] = {}
            for digest, look in self._read(kind, missing, folder).items():
                found[digest] = look.value if isinstance(look, Look) else look
                if isinstance(look, Look):
                    fresh[(proved if look.is_whole else claimed)[digest]] = look.value
            kind.memo.write_all(fresh)
        return found

    def _read(
        self, kind: "_Kind[Value]", wheels: Sequence[LockedWheel], folder: str | None
    ) -> dict[Digest, "Look[Value] | Unknown"]:
        """The same, read from wherever the wheels are, several at a time."""
        with self._reader() as reader:

            def read(wheel: LockedWheel) -> Look[Value] | Unknown:
                try:
                    for store in self._stores(folder):
                        if store.has(store_id(wheel.digest, self._python)):
                            stored = kind.stored(store, wheel, self._python)
                            return Look(stored, is_whole=True)
                    return self._whole(
                        wheel, reader, lambda file: kind.parse(file, wheel, self._python)
                    )
                except EnvcError as error:
                    return _unknown(wheel, error.faults[0])

            workers = Workers()
            try:
                answers = {workers.submit(read, wheel): wheel for wheel in wheels}
                answered = self._patience.answered(answers, folder, lambda: reader.received_bytes)
                found = {answers[each].digest: each.result() for each in answered}
            finally:
                workers.close(_nothing)
            self.received_bytes += reader.received_bytes
        late = {w.digest: _unknown(w, _LATE) for w in wheels if w.digest not in found}
        return {**found, **late}

    def _whole(
        self, wheel: LockedWheel, reader: WheelFiles, parse: Callable[[BinaryIO], Value]
    ) -> Look[Value]:
        """What `parse` makes of a wheel; of one in a stranger's folder, as that may be read."""
        path = os.path.normpath(wheel.path) if wheel.path is not None else ""
        owner = next((o for f, o in self._strangers.items() if path.startswith(f"{f}/")), None)
        if owner is None:
            return reader.read(wheel, parse)
        from envc.disk import foreign  # for wheels of others that no cache knows

        try:
            with foreign.opened_of(owner, path) as file:
                whole = MOST_OF_A_WHEEL if wheel.size_bytes is None else wheel.size_bytes
                if foreign.weight(file) <= min(whole, MOST_OF_A_WHEEL):
                    from hashlib import file_digest  # 3 ms: it brings OpenSSL

                    if digest_from_hex(file_digest(file, "sha256").hexdigest()) == wheel.digest:
                        return Look(parse(file), is_whole=True)
        except OSError:
            pass  # as any other file that is not the wheel
        return reader.read(replace(wheel, path=None), parse)

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
        own = None if folder in self._strangers else folder
        folders = (own, os.environ.get("ENVC_TARGET"))
        return [Store(f"{os.path.abspath(each)}/store") for each in folders if each]


def _name(wheel: LockedWheel) -> tuple[Digest, str]:
    """By what contents are known: another lock may say of others that they have this digest."""
    return wheel.digest, wheel.url or ""


def _unknown(wheel: LockedWheel, fault: Fault) -> Unknown:
    project = wheel.filename.partition("-")[0].lower().replace("_", "-")
    return Unknown(project, fault if fault.where else fault._replace(where=wheel.filename))


def _nothing() -> None:
    """What comes after the last answer."""


def check_cache(context: Context) -> str:
    """The file in which a check keeps what it knows."""
    return f"{context.cache}/check-v1.sqlite"
