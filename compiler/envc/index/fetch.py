"""Where materialize gets the bytes of locked wheels: wheelhouse, path, cache, else the network."""

import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from envc.disk.cache import Cache
from envc.disk.closing import Closing
from envc.errors import OutsideError
from envc.index.ahead import Workers, ended
from envc.index.client import Client
from envc.index.credentials import without_credentials
from envc.index.wheels import KEEP_MEND, RemoteWheel, cached_wheel, download_into_cache, writing
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.ports import Reporter, SilentReporter

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory  # few runs need it

DOWNLOAD_TASK = "download"


class WheelFetcher(Closing):
    """Local files with the bytes of locked wheels; any thread may fetch.

    `wheelhouses` are folders of wheels, searched by file name. `indexes` matter for their
    credentials only: a lock holds none. Closing it removes what it could not keep in the cache.
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
        self._cache = Cache(cache, warn=self._reporter.warn)
        self._wheelhouses = tuple(wheelhouses)
        self._client = Client(indexes)
        self._workers = Workers()
        self._offline = offline
        self._lock = threading.Lock()
        self._spare: TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Give up what still comes, at once; remove the wheels that the cache could not take."""
        self._workers.close(self._client.close)
        with self._lock:
            if self._spare is not None:
                self._spare.cleanup()
                self._spare = None

    def fetch(self, wheel: LockedWheel) -> str:
        """The path of a file with the wheel's bytes; the caller may not change it.

        A file of a wheelhouse or of the lock's own `path` is returned unread: the store compares
        its digest before it opens it. What is downloaded advances the task `download`, in bytes.

        Raises:
            OutsideError: the wheel cannot be had.
            UntrustedError: the server's bytes are not the lock's.
        """
        local = self._local(wheel)
        if local is not None:
            return local
        if wheel.url is None:
            raise OutsideError(
                f"{wheel.filename} is not there",
                where=wheel.path or "",
                mend="put it there, or name its folder with `--from`",
            )
        cached = cached_wheel(self._cache, wheel.digest, wheel.filename)
        if cached is not None:
            return cached
        if self._offline:
            raise OutsideError(
                f"{wheel.filename} is neither in a wheelhouse nor in the cache",
                where=self._cache.root,
                mend="run without --offline, or name a wheelhouse or bundle with `--from`",
            )
        return self._workers.submit(partial(self._download, wheel), wheel.url).result()

    def _local(self, wheel: LockedWheel) -> str | None:
        filename = os.path.basename(wheel.filename)
        paths = [os.path.join(folder, filename) for folder in self._wheelhouses]
        if wheel.path is not None:
            paths.append(wheel.path)
        return next(filter(os.path.isfile, paths), None)

    def _download(self, wheel: LockedWheel, url: str) -> str:
        remote = RemoteWheel(
            filename=os.path.basename(wheel.filename),
            url=without_credentials(url),
            index="",
            digest=wheel.digest,
            size_bytes=wheel.size_bytes,
        )
        try:
            return download_into_cache(self._client, self._cache, remote, advance=self._advance)
        except OSError as error:
            self._cache.give_up(error)
        folder = self._spare_folder()
        spare = Cache(folder, warn=self._reporter.warn)
        with writing(wheel.filename, folder, mend=f"free some space, or {KEEP_MEND}"):
            return download_into_cache(self._client, spare, remote, advance=self._advance)

    def _advance(self, amount: int) -> None:
        if self._workers.closed:
            raise ended()  # nobody waits for the rest of it
        self._reporter.advance(DOWNLOAD_TASK, amount)

    def _spare_folder(self) -> str:
        from tempfile import TemporaryDirectory

        with self._lock:
            if self._workers.closed:
                raise ended()
            if self._spare is None:
                self._spare = TemporaryDirectory(
                    prefix="envc-wheels-",
                    ignore_cleanup_errors=True,  # a download that was given up may still write
                )
            return self._spare.name
