"""Cores that are carried: an interpreter's archive, unpacked once to `FOLDER/<its sha256>/`.

    FOLDER/<hex>/{bin/pythonX.Y, lib/…}     the interpreter, as its archive has it
    FOLDER/<hex>/envc-manifest              its listing; its digest is the core's tree digest
    FOLDER/.part-…/                         on its way: private, gone with the next collection

What the archive has of bytecode is left out, and its Python sources are compiled as those of wheels
are: nothing is written there later, whoever runs it. From there, a core travels as a tar stream of
what stands there, so that nothing is compiled a second time.
"""

import errno
import hashlib
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import IO, cast

from envc.disk.durable import (
    disk_error,
    make_folder,
    sync_directory,
    sync_file_system,
    temporary_beside,
)
from envc.errors import Fault, OutsideError, UntrustedError, UsageError
from envc.model.core import CORE_MANIFEST, PackedCore, core_program
from envc.model.digest import Digest, digest_from_hex, digest_of, hex_of
from envc.model.manifest import (
    DIRECTORY_MODE,
    FILE_MODE,
    PUBLISHED_MTIME_SECONDS,
    Entry,
    Manifest,
    directory_entry,
    manifest_from_text,
    manifest_of,
)
from envc.ports import Reporter
from envc.store import limits
from envc.store.bytecode import TASK as COMPILE
from envc.store.bytecode import Compiler
from envc.store.core_archive import ChunkStream, unpack_tar, unpacked_stream
from envc.store.refusal import Problem, RefusedError
from envc.store.writer import TreeWriter

PART_PREFIX = ".part-"
# No lock tells whether somebody is at work: a shell unpacks cores, too.
_PART_SECONDS = 3600
# A gzip member; zlib writes neither a time nor a name into it.
_GZIP = 31
_GZIP_LEVEL = 6
_ANSWER_SECONDS = 30

_MEND = "do not use this archive: take another one, and correct core.archive"
_OTHER = "fetch it again; if it is meant to be another one, correct core.archive"
_TORN = "run the same command again; if it stays so, make or fetch the file again"


def unpack_core(
    folder: str, archive: str, digest: Digest, *, python: str, reporter: Reporter
) -> None:
    """Bring an interpreter's archive in: verified, unpacked, compiled by itself, published.

    It must hold `bin/pythonX.Y`, below one leading folder or none, for the X.Y that `python` is.

    Raises:
        UntrustedError: the archive has another digest, or is hostile.
        UsageError: it holds no such interpreter, or one that does not run on this machine.
        OutsideError: it cannot be read, or the disk refused.
    """
    try:
        with _part(folder) as part:
            os.mkdir(f"{part}/raw")
            named = PackedCore(archive, digest)
            with _verified(named, f"{part}/archive", mend=_OTHER) as file:
                size = os.fstat(file.fileno()).st_size
                unpack_tar(unpacked_stream(file), f"{part}/raw", size)
            os.unlink(f"{part}/archive")
            os.rename(_prefix(f"{part}/raw", archive, python), f"{part}/core")
            _refuse_other(f"{part}/core", archive, python)
            _drop_bytecode(f"{part}/core")
            _compile(part, python, reporter)
            _seal(f"{part}/core")
            _publish(part, folder, digest)
    except RefusedError as refused:
        raise _untrusted(archive, refused, _MEND) from refused
    except OSError as error:
        raise disk_error(error, "unpack the interpreter", folder) from error


def receive_core(folder: str, digest: Digest, chunks: Iterable[bytes], *, where: str) -> None:
    """Bring in a core that came as `core_chunks`; `where` is the file that they were read from.

    Raises:
        UntrustedError: it is not what its manifest says.
        OutsideError: the disk refused.
    """
    stream = ChunkStream(chunks)
    try:
        with _part(folder) as part:
            _receive(part, cast("IO[bytes]", stream))
            stream.drain()
            _publish(part, folder, digest)
    except RefusedError as refused:
        raise _untrusted(where, refused, _TORN) from refused
    except OSError as error:
        raise disk_error(error, "unpack the interpreter", folder) from error


def receive_packed_core(folder: str, digest: Digest, packed: PackedCore) -> None:
    """Bring in a core that `pack_core` wrote to a file.

    Raises:
        UntrustedError: the file has another digest, or is not what its manifest says.
        OutsideError: it cannot be read, or the disk refused.
    """
    try:
        with _part(folder) as part:
            with _verified(packed, f"{part}/packed", mend=_TORN) as file:
                _receive(part, unpacked_stream(file))
            _publish(part, folder, digest)
    except RefusedError as refused:
        raise _untrusted(packed.path, refused, _TORN) from refused
    except OSError as error:
        raise disk_error(error, "unpack the interpreter", folder) from error


def pack_core(folder: str, digest: Digest, packed: str) -> PackedCore:
    """Write a core to a file in the folder `packed`, named by its digest, for any tar with gzip.

    Raises:
        OutsideError: the core cannot be read, or the disk refused.
    """
    try:
        make_folder(packed)
        temporary = temporary_beside(f"{packed}/core")
        hasher = hashlib.sha256()
        squeezer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
        with open(temporary, "xb") as file:
            for chunk in chain(core_chunks(folder, digest), [None]):
                ready = squeezer.flush() if chunk is None else squeezer.compress(chunk)
                hasher.update(ready)
                file.write(ready)
        found = digest_from_hex(hasher.hexdigest())
        path = f"{packed}/{hex_of(found)}.tar.gz"
        os.replace(temporary, path)
    except OSError as error:
        raise disk_error(error, "pack the interpreter", packed) from error
    return PackedCore(path, found)


def _receive(part: str, stream: IO[bytes]) -> None:
    """Unpack what `core_chunks` gave, and hold it against its manifest."""
    tree = f"{part}/core"
    os.mkdir(tree)
    unpack_tar(stream, tree)
    try:
        with open(f"{tree}/{CORE_MANIFEST}", "rb") as file:
            text = file.read()
    except FileNotFoundError:
        text = b""
    if manifest_in(tree).text() != text:
        raise RefusedError(Problem("", "its files are not what its manifest says"))


def core_chunks(folder: str, digest: Digest) -> Iterator[bytes]:
    """A core as a tar stream that any tar reads; the same bytes for the same core.

    Raises:
        OutsideError: it cannot be read.
    """
    root = f"{folder}/{hex_of(digest)}"
    try:
        manifest = core_manifest(root)
        text = manifest.text()
        own = Entry("f", FILE_MODE, len(text), hex_of(digest_of(text)), CORE_MANIFEST)
        for entry in (own, *manifest.entries()):
            yield _header(entry)
            if entry.kind == "f":
                yield from _content(f"{root}/{entry.path}", entry)
        yield bytes(2 * tarfile.BLOCKSIZE)
    except OSError as error:
        raise disk_error(error, "read the interpreter", root) from error


def core_manifest(root: str) -> Manifest:
    """The listing of the core in a folder, as it was published.

    Raises:
        OSError: it cannot be read.
    """
    with open(f"{root}/{CORE_MANIFEST}", "rb") as file:
        return manifest_from_text(file.read())


def core_digest(root: str) -> Digest:
    """The tree digest of the core in a folder, by its manifest.

    Raises:
        OutsideError: it cannot be read.
    """
    try:
        return core_manifest(root).digest()
    except OSError as error:
        raise disk_error(error, "read what the carried interpreter is", root) from error


def manifest_in(root: str) -> Manifest:
    """The listing of what stands in a folder, a manifest of its own left out."""
    return manifest_of(entry.line() for entry in _entries(root, ""))


def _entries(root: str, folder: str) -> Iterator[Entry]:
    with os.scandir(f"{root}/{folder}") as found:
        entries = list(found)
    for entry in entries:
        path = f"{folder}{entry.name}"
        if entry.is_symlink():
            destination = os.readlink(entry.path)
            yield Entry("l", 0o777, 0, destination, path)
        elif entry.is_dir(follow_symlinks=False):
            yield directory_entry(path)
            yield from _entries(root, f"{path}/")
        elif path != CORE_MANIFEST:
            status = entry.stat(follow_symlinks=False)
            with open(entry.path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            yield Entry("f", stat.S_IMODE(status.st_mode), status.st_size, content, path)


@contextmanager
def _part(folder: str) -> Iterator[str]:
    """A private folder beside the cores, gone when the context ends.

    Raises:
        OSError: the disk refused.
    """
    make_folder(folder)
    remove_parts(folder)
    part = tempfile.mkdtemp(prefix=PART_PREFIX, dir=folder)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_parts(folder: str) -> None:
    """Remove what runs that were killed left; what is younger may still be at work."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            if name.startswith(PART_PREFIX) and _is_old(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_old(path: str) -> bool:
    try:
        return time.time() - os.stat(path).st_mtime > _PART_SECONDS
    except FileNotFoundError:
        return False


@contextmanager
def _verified(named: PackedCore, copy: str, *, mend: str) -> Iterator[IO[bytes]]:
    """A copy of an archive that nobody else can change, open to read, once its digest is right."""
    hasher = hashlib.sha256()
    try:
        source = open(named.path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise OutsideError(
            f"the interpreter's archive cannot be read: {error.strerror}",
            where=named.path,
            mend="put it there, or correct core.archive",
        ) from error
    with source, open(copy, "xb") as file:
        while chunk := source.read(limits.CHUNK_BYTES):
            hasher.update(chunk)
            file.write(chunk)
    found = digest_from_hex(hasher.hexdigest())
    if found != named.digest:
        raise UntrustedError(
            f"the interpreter's archive is {found}, and should be {named.digest}",
            where=named.path,
            mend=mend,
        )
    with open(copy, "rb") as file:
        yield file


def _prefix(raw: str, archive: str, python: str) -> str:
    """The folder that holds `bin/pythonX.Y`: the archive's top, or the one folder in it."""
    names = os.listdir(raw)
    for folder in (raw, *(f"{raw}/{name}" for name in names[:1] if len(names) == 1)):
        program = f"{folder}/{core_program(python)}"
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return folder
    raise UsageError(
        f"the archive holds no {core_program(python)}, at its top or in one leading folder",
        where=archive,
        mend=f"take an archive of a CPython {python}, or correct core.python",
    )


def _refuse_other(root: str, archive: str, python: str) -> None:
    """Refuse an interpreter that does not run here, or is another Python than it is called."""
    question = "import sys; print('{}.{}'.format(*sys.version_info))"
    command = [f"{root}/{core_program(python)}", "-I", "-S", "-B", "-c", question]
    told = ""
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
        told = asked.stderr.strip().rpartition("\n")[2] or f"status {asked.returncode}"
        if asked.stdout.strip() == python:
            return
        if asked.returncode == 0:
            told = f"it is Python {asked.stdout.strip()}"
    except OSError as error:
        told = error.strerror or str(error)
    except subprocess.TimeoutExpired:
        told = f"no answer within {_ANSWER_SECONDS} s"
    raise UsageError(
        f"the interpreter in this archive does not run here as Python {python}: {told}",
        where=archive,
        mend=f"take an archive of a CPython {python} for this kind of machine",
    )


def _drop_bytecode(root: str) -> None:
    """Leave out bytecode: it names times that its sources do not keep."""
    for folder, folders, _ in os.walk(root):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
            shutil.rmtree(f"{folder}/__pycache__")


def _compile(part: str, python: str, reporter: Reporter) -> None:
    """Have the interpreter compile the Python files below its `lib/`.

    Raises:
        UsageError: it is another Python, or does not run here.
    """
    root = f"{part}/core"
    sources = sorted(
        os.path.relpath(f"{folder}/{name}", root)
        for folder, _, names in os.walk(f"{root}/lib")
        for name in names
        if name.endswith(".py") and not os.path.islink(f"{folder}/{name}")
    )
    reporter.start(COMPILE, len(sources), "files")
    try:
        program = f"{root}/{core_program(python)}"
        with Compiler(program, python=python, folder=part, reporter=reporter) as compiler:
            for future in compiler.submit("core", sources):
                future.result()
    finally:
        reporter.finish(COMPILE)


def _seal(root: str) -> None:
    """Give folders their mode and time, and write the listing: the core is complete."""
    folders = [os.path.relpath(folder, root) for folder, _, _ in os.walk(root)]
    with TreeWriter(root) as writer:
        for folder in folders:
            writer.seal("" if folder == "." else folder)
        if os.path.lexists(f"{root}/{CORE_MANIFEST}"):
            raise RefusedError(Problem(CORE_MANIFEST, "its name is that of envc's own listing"))
        writer.write(CORE_MANIFEST, [manifest_in(root).text()], FILE_MODE)
        writer.seal("")


def _publish(part: str, folder: str, digest: Digest) -> None:
    """Make a core durable, then visible; one that is there by now is left as it is."""
    final = f"{folder}/{hex_of(digest)}"
    sync_file_system(part)
    try:
        os.rename(f"{part}/core", final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _stands(final):
            os.rename(final, f"{part}/damaged")
            os.rename(f"{part}/core", final)
    sync_directory(folder)


def _stands(root: str) -> bool:
    """Whether a core has all paths that its manifest lists; what they hold, `verify` tells."""
    try:
        return all(os.path.lexists(f"{root}/{each.path}") for each in core_manifest(root).entries())
    except (OSError, ValueError, KeyError):
        return False


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
    """A file's bytes, filled up to a whole block.

    Raises:
        OutsideError: it is not of the size that the manifest says.
    """
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
    yield bytes(-size % tarfile.BLOCKSIZE)


def _untrusted(where: str, refused: RefusedError, mend: str) -> UntrustedError:
    return UntrustedError.of(
        [
            Fault(each.what, f"{where}, entry {each.entry!r}" if each.entry else where, mend)
            for each in refused.problems
        ]
    )
