"""The strict ZIP profile: an archive's bytes → its members, or what is wrong with it.

Python's `zipfile` reads the central directory; everything it forgives is refused here. An archive
passes when each byte of it belongs to exactly one thing, and the two places that describe a member
agree: readers that start at the front and readers that start at the end see the same wheel.

    | local header, name, extra | data | (descriptor) | … | central directory | (zip64) | end |
    0                                                     ^ directory_offset                  length

Source: APPNOTE.TXT 6.3.10; https://packaging.python.org/specifications/binary-distribution-format/
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from envc.store import limits
from envc.store.names import collisions, name_problem
from envc.store.refusal import Problem, RefusedError, refuse_if

if TYPE_CHECKING:
    from zipfile import ZipInfo

STORED = 0
DEFLATED = 8

_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCAL = struct.Struct("<4s5H3L2H")
_WIDE_SIZES = struct.Struct("<QQ")
_SATURATED = 0xFFFF_FFFF
_SATURATED_COUNT = 0xFFFF

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCHED = 0x20
_HAS_DESCRIPTOR = 0x8
_UTF8 = 0x800
_FLAGS_THAT_MATTER = _ENCRYPTED | _PATCHED | _HAS_DESCRIPTOR | _UTF8

_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class RawWheel(Protocol):
    """A wheel's bytes: `bytes` or a memory map of the file."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
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
    directory, count = _find_directory(raw)
    infos = sorted(_infos(raw), key=lambda info: info.header_offset)
    if len(infos) != count:
        raise RefusedError(Problem("", "its central directory has more or fewer entries than said"))
    refuse_if(_limit_problems(infos, len(raw)))
    refuse_if([problem for info in infos if (problem := _entry_problem(info))])
    files = [info.orig_filename for info in infos if _is_file(info)]
    folders = [info.orig_filename[:-1] for info in infos if not _is_file(info)]
    refuse_if(collisions(files, folders))
    offsets = [info.header_offset for info in infos] + [directory]
    if offsets[0]:
        raise RefusedError(Problem("", "bytes before its first entry belong to no entry"))
    problems: list[Problem] = []
    members: list[Member] = []
    for info, end in zip(infos, offsets[1:], strict=True):
        start, what = _read_local_header(raw, info)
        what = what or _tail_problem(raw, info, start, end)
        if what:
            problems.append(Problem(info.orig_filename, what))
        if _is_file(info):
            members.append(_member(info, start))
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


def _find_directory(raw: RawWheel) -> tuple[int, int]:
    """Where the central directory begins, and how many entries it says it has."""
    at = len(raw) - _END.size
    if at < 0 or raw[at : at + 4] != b"PK\x05\x06":
        what = "it does not end as a ZIP archive does: bytes are missing, or follow its end"
        raise RefusedError(Problem("", what))
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack(raw[at : len(raw)])
    if disk or first_disk or here != count or comment:
        raise RefusedError(Problem("", "it is one part of several, or carries a comment"))
    locator_at = at - _END_64_LOCATOR.size
    if locator_at >= 0 and raw[locator_at : locator_at + 4] == b"PK\x06\x07":
        at, wide_count, wide_size, wide_offset = _read_zip64(raw, locator_at)
        agreed = (
            count in (wide_count, _SATURATED_COUNT)
            and size in (wide_size, _SATURATED)
            and offset in (wide_offset, _SATURATED)
        )
        if not agreed:
            raise RefusedError(Problem("", "its two end records contradict each other"))
        count, size, offset = wide_count, wide_size, wide_offset
    if offset + size != at:
        what = "its central directory is not where it says: bytes were put before or into it"
        raise RefusedError(Problem("", what))
    return offset, count


def _read_zip64(raw: RawWheel, locator_at: int) -> tuple[int, int, int, int]:
    """Where the zip64 end record is, and its count, size and offset of the central directory."""
    end = locator_at + _END_64_LOCATOR.size
    _, disk, at, disks = _END_64_LOCATOR.unpack(raw[locator_at:end])
    record = raw[at : at + _END_64.size]
    if disk == 0 and disks == 1 and at + _END_64.size == locator_at and record[:4] == b"PK\x06\x06":
        _, length, _, _, disk, first_disk, here, count, size, offset = _END_64.unpack(record)
        # The length leaves out its own field and the signature.
        if length == _END_64.size - 12 and not disk and not first_disk and here == count:
            return at, count, size, offset
    raise RefusedError(Problem("", "its zip64 end record is not the usual one"))


def _infos(raw: RawWheel) -> "list[ZipInfo]":
    import io
    from zipfile import BadZipFile, ZipFile

    source = io.BytesIO(raw) if isinstance(raw, bytes) else raw
    try:
        with ZipFile(source) as archive:  # type: ignore[arg-type] # a memory map reads and seeks
            return archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError, struct.error, EOFError) as error:
        raise RefusedError(Problem("", "its central directory cannot be read")) from error


def _limit_problems(infos: "list[ZipInfo]", packed_bytes: int) -> list[Problem]:
    total = sum(info.file_size for info in infos)
    problems = []
    if len(infos) > limits.ENTRIES:
        problems.append(Problem("", f"it has more than {limits.ENTRIES} entries"))
    if total > limits.TOTAL_BYTES:
        problems.append(Problem("", f"it unpacks to more than {limits.TOTAL_BYTES} bytes"))
    if total > max(limits.RATIO_EXEMPT_BYTES, packed_bytes * limits.RATIO):
        problems.append(Problem("", f"it unpacks to more than {limits.RATIO} times its size"))
    return problems


def _entry_problem(info: "ZipInfo") -> Problem | None:
    what = name_problem(info.orig_filename.removesuffix("/")) or _form_problem(info)
    return Problem(info.orig_filename, what) if what else None


def _form_problem(info: "ZipInfo") -> str | None:  # noqa: PLR0911 - one return a rule
    """What is wrong with a member's kind, mode, size or packing, by its central entry."""
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG if _is_file(info) else stat.S_IFDIR):
        return "it is a symlink, a device or another special file"
    if mode & _SPECIAL_BITS:
        return "it has a setuid, setgid or sticky bit"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.flag_bits & _PATCHED or info.compress_type not in (STORED, DEFLATED):
        return "it is packed in a way that wheels do not use"
    if not info.orig_filename.isascii() and not info.flag_bits & _UTF8:
        return "its name is not marked as UTF-8"
    if _EXTRA_UNICODE_PATH in _extra_fields(info.extra):
        return "it has a second name in an extra field"
    if info.file_size > limits.FILE_BYTES:
        return f"it is larger than {limits.FILE_BYTES} bytes"
    if info.compress_type == STORED and info.file_size != info.compress_size:
        return "it is not compressed, yet has two sizes"
    if not _is_file(info) and info.file_size:
        return "it is a folder that holds data"
    return None


def _is_file(info: "ZipInfo") -> bool:
    return not info.orig_filename.endswith("/")


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields by identifier; a torn one ends the list."""
    fields: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(extra):
        identifier, length = struct.unpack_from("<HH", extra, position)
        fields[identifier] = extra[position + 4 : position + 4 + length]
        position += 4 + length
    return fields


def _read_local_header(raw: RawWheel, info: "ZipInfo") -> tuple[int, str | None]:
    """Where a member's data begin, and how its two headers contradict each other, if they do."""
    header_end = info.header_offset + _LOCAL.size
    header = raw[info.header_offset : header_end]
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        return header_end, "it has no local header"
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
    start = header_end + name_length + extra_length
    name = raw[header_end : header_end + name_length]
    extra = _extra_fields(raw[header_end + name_length : start])
    wide = extra.get(_EXTRA_ZIP64, b"")
    if _SATURATED in (packed, size) and len(wide) >= _WIDE_SIZES.size:
        size, packed = _WIDE_SIZES.unpack_from(wide)
    if name != info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"):
        return start, "its local header gives another name"
    if _EXTRA_UNICODE_PATH in extra:
        return start, "it has a second name in an extra field"
    if (flags ^ info.flag_bits) & _FLAGS_THAT_MATTER or method != info.compress_type:
        return start, "its local header gives another way of packing"
    local = (crc, packed, size)
    central = (info.CRC, info.compress_size, info.file_size)
    if local != central and not (flags & _HAS_DESCRIPTOR and local == (0, 0, 0)):
        return start, "its local header gives another size or checksum"
    return start, None


def _tail_problem(raw: RawWheel, info: "ZipInfo", start: int, end: int) -> str | None:
    """What is wrong between a member's data and the next header: only a descriptor may be there."""
    data_end = start + info.compress_size
    if data_end > end:
        return "its data overlap what follows"
    tail = raw[data_end : min(end, data_end + 25)]
    if not info.flag_bits & _HAS_DESCRIPTOR:
        return "bytes that belong to no entry follow it" if tail else None
    sizes = (info.CRC, info.compress_size, info.file_size)
    descriptors = [struct.pack("<LQQ", *sizes)]
    if max(sizes) <= _SATURATED:
        descriptors.append(struct.pack("<LLL", *sizes))
    if tail.removeprefix(b"PK\x07\x08") not in descriptors and tail not in descriptors:
        return "its data descriptor is missing or wrong, or bytes follow it"
    return None


def _member(info: "ZipInfo", start: int) -> Member:
    return Member(
        path=info.orig_filename,
        executable=bool((info.external_attr >> 16) & 0o111),
        size_bytes=info.file_size,
        packed_bytes=info.compress_size,
        compression=info.compress_type,
        crc=info.CRC,
        start=start,
    )
