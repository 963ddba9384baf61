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
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from envc.disk.durable import disk_error, make_folder, sync_directory, sync_file_system
from envc.disk.locks import is_held, try_exclusive
from envc.errors import Fault, OutsideError, UntrustedError
from envc.model.core import CORE_MANIFEST, PART_PREFIX, SHELL_PART_PREFIX, PackedCore
from envc.model.digest import Digest, digest_from_hex, hex_of
from envc.model.manifest import Entry, Manifest, directory_entry, manifest_from_text, manifest_of
from envc.store import limits
from envc.store.refusal import RefusedError

_LOCK = ".lock"
# Of a shell that unpacks a core, or on a file system without locks.
_PART_SECONDS = 3600


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
def incoming(folder: str, *, where: str, mend: str) -> Iterator[str]:
    """A private folder beside the cores of a folder, for one that comes in; gone afterwards.

    Errors speak of the file that it comes from, `where`, and say how to mend that.

    Raises:
        UntrustedError: what comes in was refused.
        OutsideError: the disk refused.
    """
    try:
        make_folder(folder)
        remove_parts(folder)
        part, lock = _private(folder)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
            if lock is not None:
                os.close(lock)
    except RefusedError as refused:
        raise _untrusted(where, refused, mend) from refused
    except OSError as error:
        raise disk_error(error, "unpack the interpreter", folder) from error


def _private(folder: str) -> tuple[str, int | None]:
    """A new private folder, and a descriptor that holds its lock; None: there are no locks here."""
    while True:
        part = tempfile.mkdtemp(prefix=PART_PREFIX, dir=folder)
        try:
            lock = try_exclusive(f"{part}/{_LOCK}")
        except FileNotFoundError:
            continue  # before it had its lock, somebody took it for a leftover
        except OSError:
            return part, None
        if lock is not None and os.path.exists(part):
            return part, lock
        if lock is not None:
            os.close(lock)


def remove_parts(folder: str) -> None:
    """Remove what runs that were killed left: nobody holds its lock, or it is old."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            if name.startswith(PART_PREFIX) and _is_left(path, name):
                shutil.rmtree(path, ignore_errors=True)


def _is_left(path: str, name: str) -> bool:
    """Whether nobody works in a private folder any more; a shell's has no lock."""
    with suppress(OSError):
        if os.path.exists(f"{path}/{_LOCK}"):
            return not is_held(f"{path}/{_LOCK}")
        if not name.startswith(SHELL_PART_PREFIX) and not os.listdir(path):
            return True
        return time.time() - os.stat(path).st_mtime > _PART_SECONDS
    return False


@contextmanager
def verified(named: PackedCore, copy: str, *, mend: str) -> Iterator[IO[bytes]]:
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


def publish_core(part: str, folder: str, digest: Digest) -> None:
    """Make the core in `part` durable, then visible; one that is whole by now is left as it is."""
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


def _untrusted(where: str, refused: RefusedError, mend: str) -> UntrustedError:
    return UntrustedError.of(
        [
            Fault(each.what, f"{where}, entry {each.entry!r}" if each.entry else where, mend)
            for each in refused.problems
        ]
    )
