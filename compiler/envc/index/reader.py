"""The core metadata of a distribution: from the cache, its metadata file, a ranged read, the wheel.

The metadata file beside a wheel (PEP 658) is asked for where the index announces it, and, as long
as an index has announced nothing at all, on the chance that it is there: many indexes serve it
and do not say so. One chance that fails ends that for the run.
"""

import os
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from envc.errors import OutsideError, UntrustedError
from envc.index.cache import Cache, read_metadata, write_metadata
from envc.index.client import Client
from envc.index.credentials import for_people
from envc.index.metadata import METADATA_LIMIT_BYTES, metadata_of_wheel, parse_metadata
from envc.index.ranges import NoRangesError, open_remote
from envc.index.wheels import RemoteWheel, cached_wheel, download, download_into_cache
from envc.model.digest import digest_of
from envc.model.release import CoreMetadata, Distribution


class MetadataReader:
    """Reads metadata; any thread may ask. `names` maps the URL of an index to its name."""

    def __init__(
        self, *, cache: Cache, client: Client, names: Mapping[str, str], offline: bool
    ) -> None:
        self._cache = cache
        self._client = client
        self._names = names
        self._offline = offline
        self._announcing: set[str] = set()
        self._silent: set[str] = set()

    def note_announcement(self, index: str) -> None:
        """A page of the index with that URL announces metadata files: what it leaves out is not."""
        self._announcing.add(index)

    def remembered(self, distribution: Distribution) -> CoreMetadata | None:
        """The metadata as far as the cache has it."""
        if distribution.digest is None:
            return None
        return read_metadata(self._cache, distribution.digest)

    def read(self, distribution: Distribution) -> CoreMetadata:
        """The metadata, which the cache then keeps under the distribution's digest.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: it is not what the index promised, or of another project.
        """
        metadata = self.remembered(distribution)
        if metadata is None:
            metadata = self._find(distribution)
            if distribution.digest is not None:
                write_metadata(self._cache, distribution.digest, metadata)
        return metadata

    def _find(self, distribution: Distribution) -> CoreMetadata:
        if distribution.url.startswith("file:"):
            return _from_file(unquote(urlsplit(distribution.url).path), distribution)
        wheel = distribution.digest and cached_wheel(
            self._cache, distribution.digest, distribution.filename
        )
        if wheel:
            return _from_file(wheel, distribution)
        if self._offline:
            raise OutsideError(
                f"the metadata of {distribution.filename} is not in the cache",
                where=for_people(distribution.url),
                mend="run without --offline",
            )
        metadata = self._from_metadata_file(distribution)
        if metadata is not None:
            return metadata
        if distribution.kind == "sdist":
            raise OutsideError(
                f"the index serves no metadata for {distribution.filename}",
                where=for_people(distribution.url),
                mend="ask for a version that has wheels",
            )
        return self._from_ranges(distribution) or self._from_whole_wheel(distribution)

    def _from_metadata_file(self, distribution: Distribution) -> CoreMetadata | None:
        if distribution.metadata is not False:
            return self._promised(distribution)
        index = distribution.index
        if index in self._announcing or index in self._silent:
            return None
        try:
            metadata = self._promised(distribution)
        except (OutsideError, UntrustedError):
            metadata = None  # nothing was promised: a refusal or a page of prose means "none"
        if metadata is None:
            self._silent.add(index)
        return metadata

    def _promised(self, distribution: Distribution) -> CoreMetadata | None:
        """What the metadata file says; None when it is not there."""
        path, question, query = distribution.url.partition("?")
        url = f"{path}.metadata{question}{query}"
        answer = self._client.get(
            url, index=self._name(distribution), limit_bytes=METADATA_LIMIT_BYTES
        )
        if answer.status != HTTPStatus.OK:
            return None
        expected, got = distribution.metadata, digest_of(answer.content)
        if isinstance(expected, str) and got != expected:
            raise UntrustedError(
                f"the metadata of {distribution.filename} is not what the index promised: "
                f"expected {expected}, got {got}",
                where=for_people(url),
                mend="tell who runs the index; a mirror in between may mix old and new pages",
            )
        return parse_metadata(answer.content, distribution)

    def _from_ranges(self, distribution: Distribution) -> CoreMetadata | None:
        """What a few ranges of the wheel say; None when only the whole wheel can tell."""
        try:
            with open_remote(
                self._client,
                distribution.url,
                index=self._name(distribution),
                size_bytes=distribution.size_bytes,
            ) as file:
                return metadata_of_wheel(file, distribution)
        except (NoRangesError, UntrustedError):
            return None  # wrong ranges look like a broken wheel: the whole one has a digest

    def _from_whole_wheel(self, distribution: Distribution) -> CoreMetadata:
        wheel = RemoteWheel(
            filename=distribution.filename,
            url=distribution.url,
            index=self._name(distribution),
            digest=distribution.digest,
            size_bytes=distribution.size_bytes,
        )
        if wheel.digest is not None:
            try:
                path = download_into_cache(self._client, self._cache, wheel, advance=_nobody)
                return _from_file(path, distribution)
            except OSError as error:
                self._cache.give_up(error)
        try:
            with tempfile.TemporaryFile() as file:
                download(self._client, wheel, cast("BinaryIO", file), advance=_nobody)
                return metadata_of_wheel(cast("BinaryIO", file), distribution)
        except OSError as error:
            raise OutsideError(
                f"{wheel.filename} cannot be written: {error.strerror or error}",
                where=tempfile.gettempdir(),
                mend="free some space there",
            ) from error

    def _name(self, distribution: Distribution) -> str:
        return self._names.get(distribution.index, "")


def _from_file(path: str, distribution: Distribution) -> CoreMetadata:
    try:
        with open(path, "rb") as file:
            return metadata_of_wheel(file, distribution)
    except OSError as error:
        raise OutsideError(
            f"{os.path.basename(path)} cannot be read: {error.strerror or error}",
            where=path,
            mend="check that the file is there and can be read",
        ) from error


def _nobody(_amount: int) -> None:
    """Metadata is no download that anybody watches."""
