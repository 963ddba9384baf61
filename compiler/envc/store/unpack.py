"""One wheel → its tree in installed form, unpacked into a private folder.

The order is that of trust: the digest before anything looks inside, the archive before its
members, RECORD before they are unpacked, each content against it while it is written.
"""

import hashlib
import mmap
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from packaging.utils import parse_wheel_filename

from envc.disk.durable import OF_LIMITS
from envc.errors import OutsideError, UntrustedError, shell_word
from envc.formats.scripts import rebind_script, stored_entry_point
from envc.model.digest import digest_from_hex
from envc.model.lock import LockedWheel
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE, Entry
from envc.model.value import value
from envc.model.wheel import WheelFacts
from envc.store import limits
from envc.store.archive import Member, chunks_of, members_of
from envc.store.central_directory import RawWheel
from envc.store.description import Description, describe
from envc.store.layout import Placement
from envc.store.record import listing_problems, refuse_other_hash, verified
from envc.store.refusal import Problem, RefusedError, refuse_if, untrusted
from envc.store.writer import TreeWriter

_INSTALLER = b"envc\n"


@value
class Unpacked:
    """A wheel whose files are written, all but bytecode and RECORD."""

    facts: WheelFacts
    entries: list[Entry]
    sources: list[str]
    record: str


@value
class _Verified:
    """A wheel that has passed: its members by path, and what it says of itself."""

    raw: RawWheel
    members: dict[str, Member]
    description: Description

    def chunks(self, path: str) -> Iterator[bytes]:
        """The content of a member, unpacked and held against RECORD at its end."""
        row = self.description.rows[path]
        return verified(chunks_of(self.raw, self.members[path]), path, row)


def unpack(path: str, wheel: LockedWheel, *, python: str, tree: str) -> Unpacked:
    """Unpack the wheel at `path` into the empty folder `tree`.

    Raises:
        UntrustedError: it is not the wheel that the lock names, or it is hostile.
        OutsideError: the file cannot be read.
        OSError: the tree cannot be written, or a large wheel's copy beside it.
    """
    raw = _checked(path, wheel, os.path.dirname(tree))
    try:
        return _write(_verify(raw, wheel.filename, python), wheel, tree)
    except RefusedError as error:
        raise untrusted(wheel.filename, error.problems) from None


def _checked(path: str, wheel: LockedWheel, folder: str) -> RawWheel:
    """The bytes of the file, whose digest is the lock's; a copy, if need be in `folder`."""
    content = private_bytes(path, folder)
    found = digest_from_hex(hashlib.sha256(content).hexdigest())
    if found != wheel.digest:
        mend = "remove the file and fetch it again; if it differs again, ask who serves it why"
        if wheel.path is not None:
            project = parse_wheel_filename(wheel.filename)[0]
            mend = (
                "restore the file, or where it was built again on purpose, lock it: "
                f"`envc lock --upgrade-package {shell_word(project)}`"
            )
        raise UntrustedError(
            f"the wheel's digest is {found}, the lock says {wheel.digest}",
            where=f"{wheel.filename} ({path})",
            mend=mend,
        )
    return content


def private_bytes(path: str, folder: str) -> bytes | mmap.mmap:
    """What a file holds now, whoever changes it afterwards: in memory, or in an unnamed copy.

    Raises:
        OutsideError: the file cannot be read.
        OSError: the copy in `folder` cannot be written.
    """
    with _opened(path) as file:
        if os.fstat(file.fileno()).st_size <= limits.MEMORY_BYTES:
            return _read(file, path, -1)
        with tempfile.TemporaryFile(dir=folder) as copy:
            while chunk := _read(file, path, limits.CHUNK_BYTES):
                copy.write(chunk)
            copy.flush()
            return mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)


def _opened(path: str) -> BinaryIO:
    try:
        # A pipe's name must not keep us waiting for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb", buffering=0)
    except OSError as error:
        raise _unreadable(error, path) from error
    os.close(descriptor)
    raise OutsideError("it is no regular file", where=path, mend="put the wheel there")


def _read(file: BinaryIO, path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise _unreadable(error, path) from error


def _unreadable(error: OSError, path: str) -> OutsideError:
    return OutsideError(
        f"cannot read the wheel: {os.strerror(error.errno or 0)}",
        where=path,
        mend=OF_LIMITS.get(error.errno or 0, "make it readable, or fetch it again"),
    )


def _verify(raw: RawWheel, filename: str, python: str) -> _Verified:
    """Everything that can be known before the first file is written."""
    members = {member.path: member for member in members_of(raw)}
    found = describe(filename, members, lambda path: _text(raw, members[path]), python)
    refuse_if(listing_problems(found.rows, members.values(), found.unhashed))
    return _Verified(raw, members, found)


def _text(raw: RawWheel, member: Member) -> bytes:
    if member.size_bytes > limits.TEXT_BYTES:
        raise RefusedError(Problem(member.path, f"it is larger than {limits.TEXT_BYTES} bytes"))
    return b"".join(chunks_of(raw, member))


def _write(verified_wheel: _Verified, wheel: LockedWheel, tree: str) -> Unpacked:
    found = verified_wheel.description
    layout, placements = found.layout, found.placements
    with TreeWriter(tree) as writer:
        for member in sorted(found.rows.keys() - placements.keys()):
            # Dropped, yet part of what RECORD vouches for.
            for _ in verified_wheel.chunks(member):
                pass
        entries = [
            _write_member(verified_wheel, writer, member, place)
            for member, place in placements.items()
        ]
        entries.append(writer.write(f"{layout.dist_info}/INSTALLER", [_INSTALLER], FILE_MODE))
        for script in found.claims.console_scripts:
            content = stored_entry_point(script)
            entries.append(writer.write(f"bin/{script.name}", [content], EXECUTABLE_MODE))
    sources = sources_of((place.path for place in placements.values()), layout.site_packages)
    facts = found.facts(wheel, len(verified_wheel.raw))
    return Unpacked(facts, entries, sources, f"{layout.dist_info}/RECORD")


def sources_of(paths: Iterable[str], site_packages: str) -> list[str]:
    """The Python files that get bytecode: all below site-packages but those of `.dist-info`."""
    prefix = site_packages + "/"
    return [
        path
        for path in paths
        if path.endswith(".py")
        and path.startswith(prefix)
        and not path.removeprefix(prefix).partition("/")[0].endswith(".dist-info")
    ]


def _write_member(
    verified_wheel: _Verified, writer: TreeWriter, path: str, place: Placement
) -> Entry:
    member = verified_wheel.members[path]
    row = verified_wheel.description.rows[path]
    executable = member.executable or place.kind != "file"
    mode = EXECUTABLE_MODE if executable else FILE_MODE
    if place.kind == "script":
        content = rebound(path, b"".join(verified_wheel.chunks(path)))
        return writer.write(place.path, [content], mode)
    if row.algorithm != "sha256":
        return writer.write(place.path, verified_wheel.chunks(path), mode)
    # The writer takes the same hash: once is enough.
    entry = writer.write(place.path, chunks_of(verified_wheel.raw, member), mode)
    refuse_other_hash(path, row, entry.content)
    return entry


def rebound(path: str, content: bytes) -> bytes:
    """A script's content with its first line made to fit any place.

    Raises:
        RefusedError: what the system would start is not what the first line says.
    """
    script = rebind_script(content) or content
    line = script.partition(b"\n")[0]
    if line.startswith(b"#!") and len(line) > limits.FIRST_LINE_BYTES:
        what = f"its first line is longer than {limits.FIRST_LINE_BYTES} bytes"
        raise RefusedError(Problem(path, what))
    return script
