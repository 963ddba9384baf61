"""A bundle → its entries, each verified by its digest."""

import os
import struct
import zipfile
from collections.abc import Iterator

from envc.bundle.writer import SUFFIX
from envc.disk.closing import Closing
from envc.disk.durable import disk_error
from envc.disk.zstandard import ZstdDecompressor, ZstdError
from envc.errors import UntrustedError, UsageError
from envc.formats.bundle import INDEX_NAME, SIGNATURES_NAME, BundleEntry, index_from_json
from envc.model.digest import digest_of

# As much as a block of Zstandard holds: larger pieces leave the processor's cache, and take longer.
_CHUNK_BYTES = 1 << 17
_INDEX_BYTES = 64 << 20
_SIGNATURES_BYTES = 64 << 10
# A local file header of ZIP; the sizes of the name and the extra field that stand between it and
# the member.
_HEADER = struct.Struct("<26x2H")
_MEND = "make the bundle again, or fetch it again"


class Bundle(Closing):
    """An open bundle; a context. Entries may be read in any order, by any thread and any fork.

    `index_text` is what `signatures` are of, b"" where it has none; nobody has verified them yet.

    Raises:
        UsageError: the file is not there.
        SpecError: it is newer than this envc.
        UntrustedError: it is no bundle, or damaged.
        OutsideError: the disk refused.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed by `close`
        except FileNotFoundError as error:
            raise UsageError(
                "there is no such bundle", where=path, mend="correct the path"
            ) from error
        except OSError as error:
            raise disk_error(error, "read the bundle", path) from error
        try:
            self._archive = zipfile.ZipFile(self._file)
            self.index_text = self._member(INDEX_NAME, _INDEX_BYTES)
            self.index = index_from_json(self.index_text, path)
            self.digest = digest_of(self.index_text)
            signed = SIGNATURES_NAME in self._archive.namelist()
            self.signatures = self._member(SIGNATURES_NAME, _SIGNATURES_BYTES) if signed else b""
        except zipfile.BadZipFile as error:
            self._file.close()
            if isinstance(error.__context__, OSError):  # which zipfile takes for "no archive"
                raise disk_error(error.__context__, "read the bundle", path) from error
            raise UntrustedError("this is no bundle", where=path, mend=_MEND) from error
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, name: str) -> bytes:
        """All bytes of an entry.

        Raises:
            UntrustedError: there is none, or it is damaged.
        """
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of an entry, one piece after another; its end is verified to be one.

        None comes before those that the index has the digest of are verified. What follows them is
        to be held against the digests in them.

        Raises:
            UntrustedError: there is none, or it is damaged.
        """
        entry = self.index.entry(name)
        if entry is None:
            raise self._damaged(f"the bundle has no entry {name}")
        pieces = self._unpacked(entry)
        try:
            first = _at_least(entry.digest_bytes, pieces)
            if digest_of(first[: entry.digest_bytes]) != entry.digest:
                raise self._damaged(f"entry {entry.name} of this bundle is damaged")
            yield first
            yield from pieces
        except (ZstdError, EOFError, KeyError) as error:
            raise self._damaged(f"entry {name} of this bundle is damaged") from error
        except OSError as error:
            raise disk_error(error, "read the bundle", self.path) from error

    def _unpacked(self, entry: BundleEntry) -> Iterator[bytes]:
        unpacker = ZstdDecompressor()
        size = 0
        for packed in self._packed(entry):
            rest = packed
            while True:
                piece = unpacker.decompress(rest, _CHUNK_BYTES)
                size += len(piece)
                if size > entry.size_bytes:
                    raise self._damaged(f"entry {entry.name} is larger than the index says")
                if piece:
                    yield piece
                if unpacker.eof or unpacker.needs_input:
                    break
                rest = b""
        if size != entry.size_bytes or not unpacker.eof:
            raise self._damaged(f"entry {entry.name} of this bundle is damaged")

    def _packed(self, entry: BundleEntry) -> Iterator[bytes]:
        """The member as it stands in the file; ZIP's own check sum of it is left to other tools."""
        member = self._archive.getinfo(entry.name + SUFFIX)
        header = self._at(member.header_offset, _HEADER.size)
        if len(header) < _HEADER.size or member.compress_type != zipfile.ZIP_STORED:
            raise self._damaged(f"entry {entry.name} of this bundle is damaged")
        start = member.header_offset + _HEADER.size + sum(_HEADER.unpack(header))
        for offset in range(start, start + member.file_size, _CHUNK_BYTES):
            yield self._at(offset, min(_CHUNK_BYTES, start + member.file_size - offset))

    def _at(self, offset: int, size: int) -> bytes:
        """So many bytes from there on; the position, which forks share, is left alone."""
        return os.pread(self._file.fileno(), size, offset)

    def _member(self, name: str, limit_bytes: int) -> bytes:
        """A member that is no entry."""
        try:
            member = self._archive.getinfo(name)
            if member.file_size > limit_bytes:
                raise self._damaged(f"{name} of this bundle is too large")
            return self._archive.read(member)
        except KeyError as error:
            raise self._damaged("this is no bundle: it has no index") from error
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise self._damaged(f"{name} of this bundle is damaged") from error
        except OSError as error:
            raise disk_error(error, "read the bundle", self.path) from error

    def _damaged(self, what: str) -> UntrustedError:
        return UntrustedError(what, where=self.path, mend=_MEND)


def _at_least(size: int, pieces: Iterator[bytes]) -> bytes:
    """The first pieces, joined: so many bytes or more, fewer only where there are no more."""
    first = b""
    while len(first) < size and (piece := next(pieces, b"")):
        first = first + piece if first else piece
    return first
