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
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from envc.disk.digests import known_bytes
from envc.disk.durable import disk_error, doing, sync_directory, sync_file_system
from envc.disk.folders import names_in
from envc.disk.private import private_folder
from envc.errors import EnvcError, OutsideError, UntrustedError
from envc.model.bundle import PackedCore
from envc.model.core import CORE_FOLDER, CORE_MANIFEST, PART_PREFIX
from envc.model.digest import Digest, digest_from_hex, digest_of, hex_of
from envc.model.manifest import Entry, Manifest, directory_entry, manifest_from_text, manifest_of
from envc.store import limits
from envc.store.refusal import RefusedError, untrusted


def core_root(interpreter: str) -> str:
    """The folder of the core that an interpreter is in."""
    return os.path.dirname(os.path.dirname(interpreter))


def core_manifest(root: str) -> Manifest:
    """The listing of the core in a folder, as it was published; its digest is the core's.

    Raises:
        OutsideError: it cannot be read.
    """
    what = "read what the carried interpreter is"
    with doing(what, root), open(f"{root}/{CORE_MANIFEST}", "rb") as file:
        return manifest_from_text(file.read())


def published_manifest(root: str, wanted: Digest) -> Manifest | None:
    """The listing of the core in a folder, if it has that digest."""
    text = known_bytes(f"{root}/{CORE_MANIFEST}")
    if text is None or digest_of(text) != wanted:
        return None
    return manifest_from_text(text)


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
    """
    try:
        with private_folder(folder, PART_PREFIX) as part:
            yield part
    except RefusedError as refused:
        raise untrusted(where, refused.problems, mend=mend) from refused
    except OSError as error:
        raise disk_error(error, "unpack the interpreter", folder) from error


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
    except (EnvcError, ValueError, KeyError):
        return False


def unneeded_cores(target: str, interpreters: Iterable[str]) -> list[str]:
    """The cores of a target that neither these interpreters nor envc itself are in, in order.

    Raises:
        OSError: the disk refused.
    """
    from envc.disk.leases import is_held  # `verify` needs none

    folder = f"{target}/{CORE_FOLDER}"
    homes = (f"{target}/envc/{name}" for name in names_in(f"{target}/envc"))
    # envc's commands, each of which names the interpreter that it runs on
    commands = [known_bytes(f"{home}/bin/envc") or b"" for home in (target, *homes)]
    used = [*map(os.fsencode, interpreters), *commands]
    return [
        path
        for path in (f"{folder}/{name}" for name in names_in(folder))
        if not os.path.basename(path).startswith(PART_PREFIX)
        and not any(os.fsencode(f"{path}/") in text for text in used)
        and not is_held(f"{path}/{CORE_MANIFEST}")
    ]
