"""Whole wheels: downloaded into the cache, their digest checked on the way.

<cache>/wheels-v1/<sha256>/<file name>
"""

import os
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from envc.disk.cache import Cache, record_use
from envc.disk.closing import Closing
from envc.disk.digests import known_digest
from envc.errors import OutsideError, UntrustedError
from envc.index.ahead import ended
from envc.index.client import Client, status_text, whom
from envc.index.credentials import for_people
from envc.index.ranges import NoRangesError, RangesRefusedError, open_remote
from envc.model.digest import Digest, digest_from_hex, hex_of
from envc.model.value import value

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory  # few runs need it

    import httpx

UNTRUSTED_MEND = (
    "do not use this file; if the index replaced it on purpose, run `envc lock --upgrade`"
)

# No file of an index is larger.
MOST_BYTES = 1 << 34

Value = TypeVar("Value")


def _nobody(_amount: int) -> None:
    """Who hears of a download that nobody watches."""


class Look(NamedTuple, Generic[Value]):
    """What was made of a wheel; `is_whole`: of the very file that its digest names.

    Else it is the word of the server that gave some ranges, which no digest proves.
    """

    value: Value
    is_whole: bool


@value(kw_only=True)
class RemoteWheel:
    """A wheel on a server: where it is, what it must be, and the name of its index ("" unknown).

    `size_bytes` is what the index says: a hint, as is only its digest held against a file.
    """

    filename: str
    url: str
    index: str
    digest: Digest | None
    size_bytes: int | None = None
    checksum: str | None = None


class Wheels(Closing):
    """Whole wheels, kept in the cache; any thread may ask.

    What the cache cannot take is kept in a folder of its own, which goes when this is closed.
    """

    def __init__(self, client: Client, cache: Cache) -> None:
        self._client = client
        self._cache = cache
        self._lock = threading.Lock()
        self._spare: TemporaryDirectory[str] | None = None
        self._closed = False
        self._without_ranges: set[str] = set()  # servers that refuse them

    def close(self) -> None:
        """Remove the wheels that the cache could not take."""
        with self._lock:
            self._closed = True
            if self._spare is not None:
                self._spare.cleanup()
                self._spare = None

    def kept(self, digest: Digest, filename: str) -> str | None:
        """The path of the wheel in the cache; None when it is not there, or no longer whole."""
        path = self.place(digest, filename)
        if known_digest(path) != digest:
            return None
        record_use(self._cache.root, os.path.dirname(path))
        return path

    def place(self, digest: Digest, filename: str) -> str:
        """Where the cache has the wheel, if it has it."""
        return self._cache.path(_place(digest, filename))

    def download(
        self, wheel: RemoteWheel, *, advance: Callable[[int], None] = _nobody
    ) -> tuple[str, Digest]:
        """The path where the wheel now is, and its digest: the one that it had to have, if any.

        `advance` hears of each byte once.

        Raises:
            OutsideError: the wheel cannot be had, or be written anywhere.
            UntrustedError: the bytes are not those of the digest.
        """
        try:
            path, digest = self._download(self._cache, wheel, advance)
        except OSError as error:
            self._cache.give_up(error)
        else:
            record_use(self._cache.root, os.path.dirname(path))
            return path, digest
        folder = self._spare_folder()
        try:
            return self._download(Cache(folder), wheel, advance)
        except OSError as error:
            raise OutsideError(
                f"{wheel.filename} cannot be written: {error.strerror or error}",
                where=folder,
                mend="free some space, or let ENVC_CACHE_DIR name a folder that can be written",
            ) from error

    def look_into(self, wheel: RemoteWheel, parse: Callable[[BinaryIO], Value]) -> Look[Value]:
        """What `parse` makes of a few ranges of a wheel, else of the whole.

        Raises:
            OutsideError, UntrustedError: as `download`; and what `parse` raises.
        """
        server = urlsplit(wheel.url).netloc
        refused = server in self._without_ranges
        try:
            if not refused:
                with open_remote(
                    self._client, wheel.url, index=wheel.index, size_bytes=wheel.size_bytes
                ) as file:
                    return Look(parse(file), is_whole=False)
        except RangesRefusedError:
            refused = True
        except (NoRangesError, UntrustedError):
            pass  # wrong ranges look like a broken wheel: the whole one has a digest
        path, _ = self.download(wheel)
        if refused:
            self._without_ranges.add(server)
        return Look(read_local(path, parse), is_whole=wheel.digest is not None)

    def _download(
        self, cache: Cache, wheel: RemoteWheel, advance: Callable[[int], None]
    ) -> tuple[str, Digest]:
        if wheel.digest is not None:
            place = _place(wheel.digest, wheel.filename)
            with cache.replacement(place) as file:
                _write(self._client, wheel, file, advance)
            return cache.path(place), wheel.digest
        import shutil
        import tempfile

        with tempfile.TemporaryFile() as passing:
            digest = _write(self._client, wheel, passing, advance)
            passing.seek(0)
            place = _place(digest, wheel.filename)
            with cache.replacement(place) as file:
                shutil.copyfileobj(passing, file)
        return cache.path(place), digest

    def _spare_folder(self) -> str:
        from tempfile import TemporaryDirectory

        with self._lock:
            if self._closed:
                raise ended()
            if self._spare is None:
                self._spare = TemporaryDirectory(
                    prefix="envc-wheels-",
                    ignore_cleanup_errors=True,  # a download that was given up may still write
                )
            return self._spare.name


def read_local(path: str, parse: Callable[[BinaryIO], Value]) -> Value:
    """What `parse` makes of a file.

    Raises:
        OutsideError: it cannot be read; and what `parse` raises.
    """
    try:
        with open(path, "rb") as file:
            return parse(file)
    except OSError as error:
        raise OutsideError(
            f"{os.path.basename(path)} cannot be read: {error.strerror or error}",
            where=path,
            mend="check that the file is there and can be read",
        ) from error


def _write(
    client: Client, wheel: RemoteWheel, file: BinaryIO, advance: Callable[[int], None]
) -> Digest:
    """Write the wheel's bytes to `file`, and tell their digest."""
    import hashlib

    expected = wheel.digest or wheel.checksum or ""
    algorithm = expected.partition(":")[0] or "sha256"
    reported = 0

    def take(response: "httpx.Response") -> dict[str, str]:
        nonlocal reported
        _check_found(response.status_code, wheel)
        file.seek(0)
        file.truncate()
        hashers = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", algorithm)}
        done = 0
        for chunk in response.iter_bytes():
            done += len(chunk)
            if done > MOST_BYTES:
                raise UntrustedError(
                    f"{wheel.filename} has no end: more than {MOST_BYTES} bytes came",
                    where=for_people(wheel.url),
                    mend=UNTRUSTED_MEND,
                )
            for hasher in hashers.values():
                hasher.update(chunk)
            file.write(chunk)
            if done > reported:
                advance(done - reported)
                reported = done
        return {name: hasher.hexdigest() for name, hasher in hashers.items()}

    headers = {"Accept-Encoding": "identity"}
    found = client.read(wheel.url, index=wheel.index, headers=headers, take=take)
    got = f"{algorithm}:{found[algorithm]}"
    if expected and got != expected:
        raise UntrustedError(
            f"{wheel.filename} is not the file it should be: expected {expected}, got {got}",
            where=for_people(wheel.url),
            mend=UNTRUSTED_MEND,
        )
    return digest_from_hex(found["sha256"])


def _place(digest: Digest, filename: str) -> str:
    return f"wheels-v1/{hex_of(digest)}/{os.path.basename(filename)}"


def _check_found(status: int, wheel: RemoteWheel) -> None:
    if status != HTTPStatus.OK:
        raise OutsideError(
            f"{whom(wheel.url, wheel.index)} does not have {wheel.filename} "
            f"({status_text(status)})",
            where=for_people(wheel.url),
            mend="check that the file was not removed; `envc lock --upgrade` chooses another one",
        )
