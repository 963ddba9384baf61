"""The core metadata of a distribution: from the cache, its metadata file, a ranged read, the wheel.

The metadata file beside a wheel (PEP 658) is asked for where the index announces it, and, as long
as an index has announced nothing at all, on the chance that it is there: many indexes serve it
and do not say so. One chance that fails ends that for the run.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from envc.disk.cache import Cache, CacheFolder
from envc.disk.digests import known_digest
from envc.disk.memo import Memo
from envc.errors import MetadataError, OutsideError, UntrustedError
from envc.formats.core_metadata import (
    METADATA_LIMIT_BYTES,
    METADATA_NAME_ENDING,
    parse_metadata,
    sdist_metadata,
    static_metadata,
    wheel_metadata,
)
from envc.index.client import Client
from envc.index.credentials import for_people, without_credentials, without_signature
from envc.index.wheels import Look, RemoteWheel, Wheels, read_local
from envc.model.digest import Digest, digest_of
from envc.model.release import CoreMetadata, Distribution
from envc.model.value import replace

# No larger file of this machine is hashed to prove what its metadata is.
_MOST_HASHED_BYTES = 1 << 30

Prepare = Callable[[Distribution, str], bytes]
"""A source distribution and its file → the text of the METADATA that its wheel will have."""
Recall = Callable[[Distribution], CoreMetadata | None]
"""A distribution → its metadata, from elsewhere on this machine; None where it is not known."""


class Elsewhere(NamedTuple):
    """Who else tells metadata.

    `recall` tells what stands on this machine, before an index is asked; `prepare` that of source
    distributions that do not tell it themselves.
    """

    prepare: Prepare | None = None
    recall: Recall | None = None


def kept_metadata(cache: Cache) -> Memo[CoreMetadata]:
    """The metadata that was read before: of files by their digest, as servers gave it by URL, too.

    A server's word serves for what is to be had there: another index may name the same digest.
    """
    return Memo(
        CacheFolder(cache, "metadata-v1"), CoreMetadata, rooms=("index", "formats", "model")
    )


def key_of_what_is_said(kept: Memo[CoreMetadata], digest: Digest, url: str) -> str:
    """Where the metadata is kept that whoever serves a URL says the file of a digest has."""
    return kept.key(digest, without_signature(without_credentials(url)))


class MetadataReader:
    """Reads metadata; any thread may ask. `names` maps the URL of an index to its name.

    `prepare` tells the metadata of a source distribution that does not tell it itself, given its
    file; without it, such a one is an error.
    """

    def __init__(
        self,
        *,
        cache: Cache,
        client: Client,
        names: Mapping[str, str],
        offline: bool,
        elsewhere: Elsewhere,
    ) -> None:
        self._prepare = elsewhere.prepare
        self._recall = elsewhere.recall or (lambda _: None)
        self.wheels = Wheels(client, cache)
        self._known = kept_metadata(cache)
        self._client = client
        self._names = names
        self._offline = offline
        self._announcing: set[str] = set()
        self._silent: set[str] = set()

    def note_announcement(self, index: str) -> None:
        """A page of the index with that URL announces metadata files: what it leaves out is not."""
        self._announcing.add(index)

    def remembered(self, distribution: Distribution) -> CoreMetadata | None:
        """The metadata as far as the cache has it, or this machine elsewhere."""
        if distribution.digest is None:
            return None
        proved = self._known.key(distribution.digest)
        said = key_of_what_is_said(self._known, distribution.digest, distribution.url)
        found = self._known.read_all((proved, said))
        return found.get(proved) or found.get(said) or self._recall(distribution)

    def read(self, distribution: Distribution) -> CoreMetadata:
        """The metadata, which the cache then keeps.

        Raises:
            OutsideError: it cannot be had.
            MetadataError: it cannot be parsed, or is of another project.
            UntrustedError: it is not what the index promised.
        """
        metadata = self.remembered(distribution)
        if metadata is not None:
            return metadata
        if distribution.kind == "sdist":
            return self._of_sdist(distribution)
        look = self._find(distribution)
        return self._keep(distribution, look.value, is_whole=look.is_whole)

    def adopt(self, wheel: Distribution, path: str) -> None:
        """Keep the metadata of a wheel whose file is at `path`.

        Raises:
            OutsideError, UntrustedError: the file cannot be read, or is another project's.
        """
        self._keep(wheel, _from_file(path, wheel), is_whole=True)

    def file(self, distribution: Distribution) -> str:
        """A file with the distribution's bytes, as its digest demands; downloaded if need be.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: the bytes are not those of the digest.
        """
        if distribution.url.startswith("file:"):
            return unquote(urlsplit(distribution.url).path)
        return self._fetched(self._remote(distribution))[0]

    def as_seen(self, distribution: Distribution) -> Distribution:
        """The distribution as its file is, not as its index has it; without a digest it is fetched.

        Of a file that is not in the cache, the index's word for its size is all there is.

        Raises:
            OutsideError, UntrustedError: as `file`.
        """
        if distribution.url.startswith("file:"):
            return distribution
        digest = distribution.digest
        if digest is None:
            path, digest = self._fetched(self._remote(distribution))
        else:
            path = self.wheels.place(digest, distribution.filename)
        if not os.path.isfile(path):
            return distribution
        return replace(distribution, digest=digest, size_bytes=os.path.getsize(path))

    def fetch(self, url: str, filename: str, digest: Digest | None) -> tuple[str, Digest]:
        """A file of the cache with what is at a URL, and its digest: `digest`, if that is known.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: the bytes are not those of the digest.
        """
        wheel = RemoteWheel(filename=filename, url=url, index="", digest=digest)
        return self._fetched(wheel)

    def _fetched(self, wheel: RemoteWheel) -> tuple[str, Digest]:
        if wheel.digest is not None:
            kept = self.wheels.kept(wheel.digest, wheel.filename)
            if kept is not None:
                return kept, wheel.digest
        if self._offline:
            raise _not_kept(wheel.filename, wheel.url)
        return self.wheels.download(wheel)

    def _keep(
        self, distribution: Distribution, metadata: CoreMetadata, *, is_whole: bool
    ) -> CoreMetadata:
        digest, known = distribution.digest, self._known
        if digest is not None:
            said = key_of_what_is_said(known, digest, distribution.url)
            known.write(known.key(digest) if is_whole else said, metadata)
        return metadata

    def _of_sdist(self, distribution: Distribution) -> CoreMetadata:
        """What the index serves, else what the sdist says itself, else what its backend says.

        The last holds for this machine only, and so is not kept under the sdist's digest.
        """
        if distribution.metadata is not False and not self._offline:
            promised = self._promised(distribution)
            if promised is not None:
                return self._keep(distribution, promised, is_whole=False)
        path = self.file(distribution)
        content = read_local(path, lambda file: _pkg_info(file, distribution))
        static = static_metadata(content, distribution) if content is not None else None
        if static is not None:
            is_whole = not distribution.url.startswith("file:")  # what is fetched is compared
            return self._keep(distribution, static, is_whole=is_whole)
        if self._prepare is None:
            raise OutsideError(
                f"{distribution.filename} does not tell its metadata, and nothing is built here",
                where=for_people(distribution.url),
                mend="ask for a version that has wheels",
            )
        return parse_metadata(self._prepare(distribution, path), distribution)

    def _find(self, distribution: Distribution) -> Look[CoreMetadata]:
        if distribution.url.startswith("file:"):
            path = unquote(urlsplit(distribution.url).path)
            found = _from_file(path, distribution)
            return Look(found, is_whole=_is_proved(path, distribution.digest))
        digest = distribution.digest
        kept = self.wheels.kept(digest, distribution.filename) if digest else None
        if kept is not None:
            return Look(_from_file(kept, distribution), is_whole=True)
        if self._offline:
            raise _not_kept(f"the metadata of {distribution.filename}", distribution.url)
        metadata = self._from_metadata_file(distribution)
        if metadata is not None:
            return Look(metadata, is_whole=False)
        remote = self._remote(distribution)
        return self.wheels.look_into(remote, lambda file: _of_wheel(file, distribution))

    def _from_metadata_file(self, distribution: Distribution) -> CoreMetadata | None:
        if distribution.metadata is not False:
            with suppress(OutsideError):  # where the wheel cannot be had either, that is told
                return self._promised(distribution)
            return None
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

    def _remote(self, distribution: Distribution) -> RemoteWheel:
        return RemoteWheel(
            filename=distribution.filename,
            url=distribution.url,
            index=self._name(distribution),
            digest=distribution.digest,
            size_bytes=distribution.size_bytes,
            checksum=distribution.checksum,
        )

    def _name(self, distribution: Distribution) -> str:
        return self._names.get(distribution.index, "")


def _is_proved(path: str, digest: Digest | None) -> bool:
    """Whether a file of this machine is the one that a digest names; of a huge one it is open."""
    return digest is not None and known_digest(path, _MOST_HASHED_BYTES) == digest


def _from_file(path: str, distribution: Distribution) -> CoreMetadata:
    return read_local(path, lambda file: _of_wheel(file, distribution))


def _of_wheel(file: BinaryIO, distribution: Distribution) -> CoreMetadata:
    from envc.index.zip_excerpt import excerpt  # a warm run reads no wheel

    try:
        small = excerpt(file, METADATA_NAME_ENDING.encode(), most_bytes=METADATA_LIMIT_BYTES)
        content = wheel_metadata(small or file)
    except ValueError as error:
        raise MetadataError(
            f"{distribution.filename} is not a wheel that can be read: {error}",
            where=distribution.url,
            mend="do not use this file: exclude its version, and tell who runs the index",
        ) from error
    return parse_metadata(content, distribution)


def _pkg_info(file: BinaryIO, distribution: Distribution) -> bytes | None:
    try:
        return sdist_metadata(file, distribution.filename)
    except ValueError as error:
        raise MetadataError(
            f"{distribution.filename} is not a source distribution that can be read: {error}",
            where=file.name,
            mend="do not use this file; ask for another version, or tell who publishes it",
        ) from error


def _not_kept(what: str, url: str) -> OutsideError:
    return OutsideError(
        f"{what} is not in the cache", where=for_people(url), mend="run without --offline"
    )
