"""Locked wheels opened for reading at any place: what is at hand, else ranges, else the whole."""

import os
from collections.abc import Callable, Sequence
from typing import BinaryIO

from envc.disk.cache import Cache
from envc.disk.closing import Closing
from envc.disk.digests import known_digest
from envc.errors import OutsideError, UntrustedError
from envc.index.client import Client
from envc.index.credentials import without_credentials
from envc.index.ranges import NoRangesError, open_remote
from envc.index.wheels import (
    RemoteWheel,
    Value,
    cached_wheel,
    download_into_cache,
    read_local,
    writing,
)
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.ports import Reporter, SilentReporter


class WheelReader(Closing):
    """Reads locked wheels; any thread may ask. `wheelhouses` are folders of wheels.

    What is read over the network by ranges is not held against the lock's digest, which only the
    whole wheel has: it serves to say what a wheel is like, never to install it.
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
        self._cache = Cache(cache, warn=(reporter or SilentReporter()).warn)
        self._wheelhouses = tuple(wheelhouses)
        self._client = Client(indexes)
        self._offline = offline

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def received_bytes(self) -> int:
        """How much has come over the network so far."""
        return self._client.received_bytes

    def read(self, wheel: LockedWheel, parse: Callable[[BinaryIO], Value]) -> Value:
        """What `parse` makes of the wheel; it may be called again on a better copy.

        Raises:
            OutsideError: the wheel cannot be had.
            UntrustedError: it is not the lock's, or what `parse` says of it.
        """
        local = self._local(wheel)
        if local is not None:
            return read_local(local, parse)
        if wheel.url is None:
            raise OutsideError(
                "the wheel is not there",
                where=wheel.path or wheel.filename,
                mend="put it there, or name its folder with `--from`",
            )
        if self._offline:
            raise OutsideError(
                "the wheel is neither in a store, a folder of wheels nor the cache",
                where=wheel.filename,
                mend="run without --offline, or name a folder of wheels with `--from`",
            )
        url = without_credentials(wheel.url)
        try:
            with open_remote(self._client, url, index="", size_bytes=wheel.size_bytes) as file:
                return parse(file)
        except (NoRangesError, UntrustedError):
            pass  # wrong ranges look like a broken wheel: the whole one has a digest
        return read_local(self._whole(wheel, url), parse)

    def _local(self, wheel: LockedWheel) -> str | None:
        """A file with the wheel's bytes: the first whose digest is the lock's."""
        filename = os.path.basename(wheel.filename)
        paths = [os.path.join(folder, filename) for folder in self._wheelhouses]
        if wheel.path is not None:
            paths.append(wheel.path)
        found = [path for path in paths if os.path.isfile(path)]
        for path in found:
            if known_digest(path) == wheel.digest:
                return path
        if found and wheel.url is None:
            raise UntrustedError(
                "the wheel is not the file that the lock names",
                where=found[0],
                mend="restore the file, or lock again",
            )
        return cached_wheel(self._cache, wheel.digest, filename)

    def _whole(self, wheel: LockedWheel, url: str) -> str:
        remote = RemoteWheel(
            filename=os.path.basename(wheel.filename),
            url=url,
            index="",
            digest=wheel.digest,
            size_bytes=wheel.size_bytes,
        )
        with writing(wheel.filename, self._cache.root):
            return download_into_cache(self._client, self._cache, remote)
