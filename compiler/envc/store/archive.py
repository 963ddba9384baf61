"""The strict ZIP profile: an archive's bytes → its members, or what is wrong with it.

An archive passes when each byte of it belongs to exactly one thing, and the two places that
describe a member agree: readers that start at the front and readers that start at the end see the
same wheel.

    | local header, name, extra | data | (descriptor) | … | central directory | (zip64) | end |
    0                                                     ^ directory                       length

Source: APPNOTE.TXT 6.3.10; https://packaging.python.org/specifications/binary-distribution-format/
"""

import stat
import struct
import zlib
from collections.abc import Iterator

from envc.model.value import value
from envc.store import limits
from envc.store.central_directory import (
    EXTRA_ZIP64,
    SATURATED,
    Listed,
    RawWheel,
    extra_fields,
    listed_entries,
)
from envc.store.names import collisions, name_problem
from envc.store.refusal import Problem, RefusedError, refuse_if

STORED = 0
DEFLATED = 8

_LOCAL = struct.Struct("<4s3HL3L2H")
_WIDE_SIZES = struct.Struct("<QQ")

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCHED = 0x20
_HAS_DESCRIPTOR = 0x8
_UTF8 = 0x800
_FLAGS_THAT_MATTER = _ENCRYPTED | _PATCHED | _HAS_DESCRIPTOR | _UTF8

_EXTRA_UNICODE_PATH = 0x7075

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
# Of DOS: a folder, and a disk's label.
_ATTRIBUTES_OF_NO_FILE = 0x10 | 0x08


@value
class Member:
    """One file of an archive. `start` is where its packed data begins."""

    path: str
    executable: bool
    size_bytes: int
    packed_bytes: int
    compression: int
    crc: int
    start: int


def members_of(raw: RawWheel) -> tuple[Member, ...]:
    """The files of an archive, in the order in which their data lie; folders are left out.

    Raises:
        RefusedError: the archive is not of the strict profile.
    """
    found, directory = listed_entries(raw)
    entries = sorted(found, key=lambda entry: entry.offset)
    refuse_if([problem for entry in entries if (problem := _entry_problem(entry))])
    refuse_if(_limit_problems(entries, len(raw)))
    files = [entry.path for entry in entries if entry.is_file]
    folders = [entry.path[:-1] for entry in entries if not entry.is_file]
    refuse_if(collisions(files, folders))
    offsets = [entry.offset for entry in entries] + [directory]
    if offsets[0]:
        raise RefusedError(Problem("", "bytes before its first entry belong to no entry"))
    problems: list[Problem] = []
    members: list[Member] = []
    for entry, end in zip(entries, offsets[1:], strict=True):
        start, what = _read_local_header(raw, entry)
        what = what or _tail_problem(raw, entry, start, end)
        if what:
            problems.append(Problem(entry.path, what))
        if entry.is_file:
            members.append(_member(entry, start))
    refuse_if(problems)
    return tuple(members)


def chunks_of(raw: RawWheel, member: Member) -> Iterator[bytes]:
    """The content of a member, unpacked, in pieces of about `limits.CHUNK_BYTES`.

    Raises:
        RefusedError: the data do not unpack to the size and checksum that the archive promises.
            What was yielded before must then be thrown away.
    """
    size = 0
    crc = 0
    for chunk in _inflated(raw, member) if member.compression == DEFLATED else _stored(raw, member):
        size += len(chunk)
        if size > member.size_bytes:
            break
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != member.size_bytes or crc != member.crc:
        what = "its data do not unpack to the size and checksum that the archive gives"
        raise RefusedError(Problem(member.path, what))


def _stored(raw: RawWheel, member: Member) -> Iterator[bytes]:
    end = member.start + member.packed_bytes
    for position in range(member.start, end, limits.CHUNK_BYTES):
        yield raw[position : min(position + limits.CHUNK_BYTES, end)]


def _inflated(raw: RawWheel, member: Member) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    position = member.start
    end = member.start + member.packed_bytes
    pending = b""
    try:
        while not inflater.eof:
            if not pending:
                pending = raw[position : min(position + limits.CHUNK_BYTES, end)]
                position += len(pending)
            exhausted = not pending
            chunk = inflater.decompress(pending, limits.CHUNK_BYTES)
            pending = inflater.unconsumed_tail
            if chunk:
                yield chunk
            elif exhausted:
                break
    except zlib.error:
        raise RefusedError(Problem(member.path, "its data cannot be unpacked")) from None
    if not inflater.eof or inflater.unused_data or position != end:
        raise RefusedError(Problem(member.path, "its data end before or after its packed size"))


def _limit_problems(entries: list[Listed], packed_bytes: int) -> list[Problem]:
    total = sum(entry.size_bytes for entry in entries)
    problems = []
    if total > limits.TOTAL_BYTES:
        problems.append(Problem("", f"it unpacks to more than {limits.TOTAL_BYTES} bytes"))
    if total > max(limits.RATIO_EXEMPT_BYTES, packed_bytes * limits.RATIO):
        problems.append(Problem("", f"it unpacks to more than {limits.RATIO} times its size"))
    return problems


def _entry_problem(entry: Listed) -> Problem | None:
    what = entry.problem or name_problem(entry.path.removesuffix("/"))
    what = what or _kind_problem(entry) or _packing_problem(entry)
    return Problem(entry.path, what) if what else None


def _kind_problem(entry: Listed) -> str | None:
    """What is wrong with a member's kind, mode or size, by its central entry."""
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG if entry.is_file else stat.S_IFDIR):
        return "it is a symlink, a device or another special file"
    if entry.is_file and entry.attributes & _ATTRIBUTES_OF_NO_FILE:
        return "its name is that of a file, its attributes are not"
    if entry.mode & _SPECIAL_BITS:
        return "it has a setuid, setgid or sticky bit"
    if not entry.is_file and entry.size_bytes:
        return "it is a folder that holds data"
    if entry.size_bytes > limits.FILE_BYTES:
        return f"it is larger than {limits.FILE_BYTES} bytes"
    return None


def _packing_problem(entry: Listed) -> str | None:
    """What is wrong with how a member is packed, by its central entry."""
    if entry.flags & _ENCRYPTED:
        return "it is encrypted"
    if entry.flags & _PATCHED or entry.method not in (STORED, DEFLATED):
        return "it is packed in a way that wheels do not use"
    if _EXTRA_UNICODE_PATH in entry.extra:
        return "it has a second name in an extra field"
    if entry.method == STORED and entry.size_bytes != entry.packed_bytes:
        return "it is not compressed, yet has two sizes"
    if entry.method == STORED and entry.flags & _HAS_DESCRIPTOR:
        return "it is not compressed and has a descriptor: its end shows from one side only"
    return None


def _read_local_header(raw: RawWheel, entry: Listed) -> tuple[int, str | None]:
    """Where a member's data begin, and how its two headers contradict each other, if they do."""
    header_end = entry.offset + _LOCAL.size
    header = raw[entry.offset : header_end]
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        return header_end, "it has no local header"
    *fields, name_length, extra_length = _LOCAL.unpack(header)
    start = header_end + name_length + extra_length
    if raw[header_end : header_end + name_length] != entry.name:
        return start, "its local header gives another name"
    return start, _local_problem(fields, raw[header_end + name_length : start], entry)


def _local_problem(fields: list[int], extra: bytes, entry: Listed) -> str | None:
    _, _, flags, method, stamp, crc, packed, size = fields
    found = extra_fields(extra)
    if found is None:
        return "the extra fields of its local header are torn, or one is there twice"
    if _EXTRA_UNICODE_PATH in found:
        return "it has a second name in an extra field"
    if (flags ^ entry.flags) & _FLAGS_THAT_MATTER or method != entry.method:
        return "its local header gives another way of packing"
    if stamp != entry.stamp:
        return "its local header gives another time"
    sizes = _local_sizes(size, packed, found.get(EXTRA_ZIP64))
    central = (entry.size_bytes, entry.packed_bytes)
    follows = flags & _HAS_DESCRIPTOR and (crc, sizes) == (0, (0, 0))
    if not follows and (crc, sizes) != (entry.crc, central):
        return "its local header gives another size or checksum"
    return None


def _local_sizes(size: int, packed: int, wide: bytes | None) -> tuple[int, int] | None:
    """A local header's two sizes, its zip64 field regarded; None when that contradicts them.

    The field gives both. Some tools write it although it is not needed.
    Source: APPNOTE.TXT 4.5.3
    """
    if wide is None:
        return size, packed
    if len(wide) != _WIDE_SIZES.size:
        return None
    wide_size, wide_packed = _WIDE_SIZES.unpack(wide)
    if size in (wide_size, SATURATED) and packed in (wide_packed, SATURATED):
        return wide_size, wide_packed
    return None


def _tail_problem(raw: RawWheel, entry: Listed, start: int, end: int) -> str | None:
    """What is wrong between a member's data and the next header: only a descriptor may be there."""
    data_end = start + entry.packed_bytes
    if data_end > end:
        return "its data overlap what follows"
    tail = raw[data_end : min(end, data_end + 25)]
    if not entry.flags & _HAS_DESCRIPTOR:
        return "bytes that belong to no entry follow it" if tail else None
    sizes = (entry.crc, entry.packed_bytes, entry.size_bytes)
    descriptors = [struct.pack("<LQQ", *sizes)]
    if max(sizes) <= SATURATED:
        descriptors.append(struct.pack("<LLL", *sizes))
    if tail.removeprefix(b"PK\x07\x08") not in descriptors and tail not in descriptors:
        return "its data descriptor is missing or wrong, or bytes follow it"
    return None


def _member(entry: Listed, start: int) -> Member:
    return Member(
        path=entry.path,
        executable=bool(entry.mode & 0o111),
        size_bytes=entry.size_bytes,
        packed_bytes=entry.packed_bytes,
        compression=entry.method,
        crc=entry.crc,
        start=start,
    )
