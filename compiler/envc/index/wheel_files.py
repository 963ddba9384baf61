"""Where locked wheels come from: a wheelhouse, their own path, the cache, else the network."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

from packaging.utils import parse_wheel_filename

from envc.disk.cache import Cache
from envc.disk.closing import Closing
from envc.disk.digests import checksum_of_file, digest_of_file, known_digest
from envc.errors import EnvcError, OutsideError, UntrustedError
from envc.index.ahead import Workers, ended
from envc.index.client import Client
from envc.index.credentials import without_credentials
from envc.index.remote import RemoteIndex
from envc.index.wheels import Look, RemoteWheel, Value, Wheels, read_local
from envc.model.digest import Digest
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.model.value import replace
from envc.ports import Reporter, SilentReporter

DOWNLOAD_TASK = "download"


class WheelFiles(Closing):
    """The files of locked wheels; any thread may ask.

    `wheelhouses` are folders of wheels, searched by file name. `indexes` matter for what a lock
    holds none of: credentials, and signatures of links. Closing it removes what it could not keep
    in the cache.
    """

    def __init__(
        self,
        *,
        cache: str,
        wheelhouses: Sequence[str] = (),
        indexes: Sequence[IndexSpec] = (),
        offline: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        self._reporter = reporter or SilentReporter()
        self._wheelhouses = tuple(wheelhouses)
        self._client = Client(indexes)
        self._cache = Cache(cache, warn=self._reporter.warn)
        self._indexes = [index for index in indexes if index.url is not None]
        self._wheels = Wheels(self._client, self._cache)
        self._workers = Workers()
        self._offline = offline

    def close(self) -> None:
        """Give up what still comes, at once; remove the wheels that the cache could not take."""
        self._workers.close(self._client.close)
        self._wheels.close()

    @property
    def received_bytes(self) -> int:
        """How much has come over the network so far."""
        return self._client.received_bytes

    def fetch(self, wheel: LockedWheel) -> str:
        """The path of a file with the wheel's bytes; the caller may not change it.

        A file of a wheelhouse or of the lock's own `path` is returned unread: the store compares
        its digest before it opens it. What is downloaded advances the task `download`, in bytes.

        Raises:
            OutsideError: the wheel cannot be had.
            UntrustedError: the server's bytes are not the lock's.
        """
        for path in self._places(wheel):
            return path
        kept = self._wheels.kept(wheel.digest, wheel.filename)
        if kept is not None:
            return kept
        return self._workers.submit(self._download, self._remote(wheel)).result()[0]

    def _download(self, wheel: RemoteWheel) -> tuple[str, Digest]:
        """Download it; where its link does not serve any more, from where an index has it now."""
        try:
            return self._wheels.download(wheel, advance=self._advance)
        except OutsideError:
            now = self._listed_now(wheel)
            if now is None:
                raise
        return self._wheels.download(now, advance=self._advance)

    def _listed_now(self, wheel: RemoteWheel) -> RemoteWheel | None:
        """The wheel as an index lists it, if that helps: by a new link, or by its own login."""
        for index in self._indexes:
            with suppress(EnvcError, ValueError):
                project = parse_wheel_filename(wheel.filename)[0]
                listed = RemoteIndex(
                    index.name, index.url or "", cache=self._cache, client=self._client
                ).offer(project)
                files = [file for each in listed.releases for file in each.distributions]
                found = next((each for each in files if each.filename == wheel.filename), None)
                if found and (
                    found.url != wheel.url
                    or self._client.is_signed(found.url)
                    or self._client.is_let_in(found.url, index.name)
                ):
                    return replace(wheel, url=found.url, index=index.name)
        return None

    def seen(self, wheel: LockedWheel) -> LockedWheel:
        """A wheel of which the lock has another hash than its sha256, with the one that it has.

        Raises:
            OutsideError: the wheel cannot be had.
            UntrustedError: it has not the lock's hash.
        """
        checksum = wheel.checksum or ""
        places = self._places(wheel)
        for path in places:
            if checksum_of_file(path, checksum.partition(":")[0]) == checksum:
                return replace(wheel, digest=digest_of_file(path))
        if places and wheel.url is None:
            raise _not_as_locked(places[0])
        remote = replace(self._remote(wheel), digest=None, checksum=checksum)
        return replace(wheel, digest=self._workers.submit(self._download, remote).result()[1])

    def read(self, wheel: LockedWheel, parse: Callable[[BinaryIO], Value]) -> Look[Value]:
        """What `parse` makes of the wheel; it may be called again on a better copy.

        What is read over the network by ranges is not held against the lock's digest, which only
        the whole wheel has: it serves to say what this lock's wheel is like, never to install it.

        Raises:
            OutsideError: the wheel cannot be had.
            UntrustedError: it is not the lock's, or what `parse` says of it.
        """
        places = self._places(wheel)
        whole = next((path for path in places if known_digest(path) == wheel.digest), None)
        whole = whole or self._wheels.kept(wheel.digest, wheel.filename)
        if whole is not None:
            return Look(read_local(whole, parse), is_whole=True)
        if places and wheel.url is None:
            raise _not_as_locked(places[0])
        return self._wheels.look_into(self._remote(wheel), parse)

    def _places(self, wheel: LockedWheel) -> list[str]:
        """The files here that may be the wheel, unread."""
        filename = os.path.basename(wheel.filename)
        paths = [os.path.join(folder, filename) for folder in self._wheelhouses]
        if wheel.path is not None:
            paths.append(wheel.path)
        return list(filter(os.path.isfile, paths))

    def _remote(self, wheel: LockedWheel) -> RemoteWheel:
        """Where the wheel is asked for; an error where nobody is to be asked."""
        if wheel.url is None:
            raise OutsideError(
                "the wheel is not there",
                where=wheel.path or wheel.filename,
                mend="put it there, or name its folder with `--from`",
            )
        if self._offline:
            raise OutsideError(
                "the wheel is neither in a wheelhouse nor in the cache",
                where=wheel.filename,
                mend="run without --offline, or name a wheelhouse or bundle with `--from`",
            )
        return RemoteWheel(
            filename=os.path.basename(wheel.filename),
            url=without_credentials(wheel.url),
            index="",
            digest=wheel.digest,
            size_bytes=wheel.size_bytes,
        )

    def _advance(self, amount: int) -> None:
        if self._workers.closed:
            raise ended()  # nobody waits for the rest of it
        self._reporter.advance(DOWNLOAD_TASK, amount)


def _not_as_locked(path: str) -> UntrustedError:
    return UntrustedError(
        "the wheel is not the file that the lock names",
        where=path,
        mend="restore the file, or lock again",
    )
