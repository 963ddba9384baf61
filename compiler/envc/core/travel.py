"""Cores on their way: out of one folder of cores as a tar stream, into another, verified.

The stream is what stands in the core's folder, listing and bytecode included: nothing is compiled a
second time. As a file it is compressed with gzip: a node without Python has `tar` at least.
"""

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from envc.core.archive import unpack_tar, unpacked
from envc.core.folder import core_manifest, incoming, manifest_in, publish_core, verified
from envc.disk.digests import known_bytes
from envc.disk.durable import doing, make_folder, temporary_beside
from envc.errors import OutsideError
from envc.model.bundle import PackedCore
from envc.model.core import CORE_MANIFEST
from envc.model.digest import Digest, digest_from_hex, digest_of, hex_of
from envc.model.manifest import DIRECTORY_MODE, FILE_MODE, PUBLISHED_MTIME_SECONDS, Entry, Manifest
from envc.store import limits
from envc.store.portable import TreeStream
from envc.store.refusal import Problem, RefusedError

# A gzip member; zlib writes neither a time nor a name into it.
_GZIP = 31
_GZIP_LEVEL = 6
_TORN = "run the same command again; if it stays so, make or fetch the file again"


def core_stream(folder: str, digest: Digest) -> TreeStream:
    """A core as a tar archive for any tar, its listing first; the same bytes for the same core.

    Raises:
        OutsideError: it cannot be read, at first or while the stream is.
    """
    root = f"{folder}/{hex_of(digest)}"
    manifest = core_manifest(root)
    text = manifest.text()
    own = Entry("f", FILE_MODE, len(text), hex_of(digest_of(text)), CORE_MANIFEST)
    head = _header(own) + text + _padding(own)
    return TreeStream(len(head), chain([head], _members(root, manifest)))


def _members(root: str, manifest: Manifest) -> Iterator[bytes]:
    with doing("read the interpreter", root):
        for entry in manifest.entries():
            yield _header(entry)
            if entry.kind == "f":
                yield from _content(f"{root}/{entry.path}", entry)
                yield _padding(entry)
    yield bytes(2 * tarfile.BLOCKSIZE)


def pack_core(folder: str, digest: Digest, packed: str) -> PackedCore:
    """Write a core to a file in the folder `packed`, named by its digest, for any tar with gzip.

    Raises:
        OutsideError: the core cannot be read, or the disk refused.
    """
    hasher = hashlib.sha256()
    with doing("pack the interpreter", packed):
        make_folder(packed)
        temporary = temporary_beside(f"{packed}/core")
        with open(temporary, "xb") as file:
            for chunk in _gzipped(core_stream(folder, digest).chunks):
                hasher.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        found = digest_from_hex(hasher.hexdigest())
        os.replace(temporary, f"{packed}/{hex_of(found)}.tar.gz")
    return PackedCore(f"{packed}/{hex_of(found)}.tar.gz", found)


def _gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    squeezer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
    yield from map(squeezer.compress, chunks)
    yield squeezer.flush()


def receive_core(folder: str, digest: Digest, chunks: Iterable[bytes], *, where: str) -> None:
    """Bring in a core that came as a `core_stream`; `where` is the file that they were read from.

    Raises:
        UntrustedError: it is not what its manifest says.
    """
    stream = iter(chunks)
    with incoming(folder, where=where, mend=_TORN) as part:
        _receive(part, stream)
        for _ in stream:
            pass  # only at its end is it verified
        publish_core(part, folder, digest)


def receive_packed_core(folder: str, digest: Digest, packed: PackedCore) -> None:
    """Bring in a core that `pack_core` wrote to a file.

    Raises:
        UntrustedError: the file has another digest, or is not what its manifest says.
        OutsideError: it cannot be read, or the disk refused.
    """
    with incoming(folder, where=packed.path, mend=_TORN) as part:
        with verified(packed, f"{part}/packed", mend=_TORN) as file:
            _receive(part, unpacked(file))
        publish_core(part, folder, digest)


def _receive(part: str, chunks: Iterable[bytes]) -> None:
    """Unpack what `core_stream` gave, and hold it against its manifest."""
    tree = f"{part}/core"
    os.mkdir(tree)
    unpack_tar(chunks, tree)
    if manifest_in(tree).text() != (known_bytes(f"{tree}/{CORE_MANIFEST}") or b""):
        raise RefusedError(Problem("", "its files are not what its manifest says"))


def _header(entry: Entry) -> bytes:
    """A member's header; whoever unpacks it owns it."""
    info = tarfile.TarInfo(entry.path)
    info.mode = DIRECTORY_MODE if entry.kind == "d" else entry.mode
    info.mtime = PUBLISHED_MTIME_SECONDS
    if entry.kind == "f":
        info.size = entry.size_bytes
    elif entry.kind == "d":
        info.type = tarfile.DIRTYPE
    else:
        info.type, info.linkname = tarfile.SYMTYPE, entry.content
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _content(path: str, entry: Entry) -> Iterator[bytes]:
    """A file's bytes."""
    size = 0
    with open(path, "rb") as file:
        while chunk := file.read(limits.CHUNK_BYTES):
            size += len(chunk)
            yield chunk
    if size != entry.size_bytes:
        raise OutsideError(
            "this file of the carried interpreter is not what its manifest says",
            where=path,
            mend="remove its folder, and run the same command again",
        )


def _padding(entry: Entry) -> bytes:
    """What fills a file up to a whole block."""
    return bytes(-entry.size_bytes % tarfile.BLOCKSIZE)
