"""What a ZIP archive says of itself at its end: its bytes → where its entries are said to be.

    … | central directory | (zip64 end record, locator) | end record |
      ^ offset                                                       length

Read here and not by `zipfile`, which guesses where archives contradict themselves, and which
guesses differently from one Python to the next.

Source: APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Protocol

from envc.model.value import value
from envc.store import limits
from envc.store.refusal import Problem, RefusedError

_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s4HL3L5H2L")
_WIDE = struct.Struct("<Q")

SATURATED = 0xFFFF_FFFF
_SATURATED_COUNT = 0xFFFF

EXTRA_ZIP64 = 0x0001
_UTF8 = 0x800


class RawWheel(Protocol):
    """A wheel's bytes: `bytes` or a memory map of the file."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> bytes: ...


@value
class Listed:
    """One entry of the central directory. `problem` is what is wrong with its form, if anything.

    `path` is `name` as text, a folder's slash included; `stamp` its time and date as they stand
    there; `mode` that of its file, `attributes` those of DOS; `offset` where its local header is.
    """

    path: str
    name: bytes
    flags: int
    method: int
    stamp: int
    crc: int
    packed_bytes: int
    size_bytes: int
    mode: int
    attributes: int
    offset: int
    extra: Mapping[int, bytes]
    problem: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether the entry is a file, not a folder."""
        return not self.name.endswith(b"/")


def listed_entries(raw: RawWheel) -> tuple[list[Listed], int]:
    """The entries of the central directory, as it has them, and the offset where it begins.

    Raises:
        RefusedError: its end is not that of one whole archive, or the directory is torn.
    """
    offset, end, count = _find(raw)
    if count > limits.ENTRIES:
        raise RefusedError(Problem("", f"it has more than {limits.ENTRIES} entries"))
    entries = list(_parse(raw[offset:end], count))
    return entries, offset


def length_of_directory(raw: RawWheel) -> tuple[int, int]:
    """How many entries and bytes the central directory says it has.

    Raises:
        RefusedError: its end is not that of one whole archive.
    """
    offset, end, count = _find(raw)
    return count, end - offset


def extra_fields(extra: bytes) -> dict[int, bytes] | None:
    """The extra fields by identifier; None when they are torn, or one is there twice."""
    fields: dict[int, bytes] = {}
    position = 0
    while position < len(extra):
        if position + 4 > len(extra):
            return None
        identifier, length = struct.unpack_from("<HH", extra, position)
        position += 4 + length
        if position > len(extra) or identifier in fields:
            return None
        fields[identifier] = extra[position - length : position]
    return fields


def _find(raw: RawWheel) -> tuple[int, int, int]:
    """Where the central directory begins and ends, and how many entries it says it has."""
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
            and size in (wide_size, SATURATED)
            and offset in (wide_offset, SATURATED)
        )
        if not agreed:
            raise RefusedError(Problem("", "its two end records contradict each other"))
        count, size, offset = wide_count, wide_size, wide_offset
    if offset + size != at:
        what = "its central directory is not where it says: bytes were put before or into it"
        raise RefusedError(Problem("", what))
    return offset, at, count


def _read_zip64(raw: RawWheel, locator_at: int) -> tuple[int, int, int, int]:
    """Where the zip64 end record is, and its count, size and offset of the central directory."""
    end = locator_at + _END_64_LOCATOR.size
    _, disk, at, disks = _END_64_LOCATOR.unpack(raw[locator_at:end])
    if disk == 0 and disks == 1 and at + _END_64.size == locator_at:
        record = _END_64.unpack(raw[at:locator_at])
        signature, length, _, _, disk, first_disk, here, count, size, offset = record
        # The length leaves out its own field and the signature.
        usual = signature == b"PK\x06\x06" and length == _END_64.size - 12
        if usual and not disk and not first_disk and here == count:
            return at, count, size, offset
    raise RefusedError(Problem("", "its zip64 end record is not the usual one"))


def _parse(directory: bytes, count: int) -> Iterator[Listed]:
    position = 0
    for _ in range(count):
        start = position + _CENTRAL.size
        if start > len(directory) or directory[position : position + 4] != b"PK\x01\x02":
            what = "its central directory has fewer entries than it says, or is torn"
            raise RefusedError(Problem("", what))
        fields = _CENTRAL.unpack_from(directory, position)
        name_length, extra_length, comment_length, *_ = fields[9:]
        name_end = start + name_length
        extra_end = name_end + extra_length
        yield _entry(fields, directory[start:name_end], directory[name_end:extra_end])
        position = extra_end + comment_length
    if position != len(directory):
        what = "its central directory has more entries than it says, or is torn"
        raise RefusedError(Problem("", what))


def _entry(fields: tuple[int, ...], name: bytes, extra: bytes) -> Listed:
    _, _, _, flags, method, stamp, crc, packed, size, *rest = fields
    _, _, comment_length, disk, _, attributes, offset = rest
    found = extra_fields(extra)
    problem = None
    if comment_length or disk:
        problem = "it carries a comment, or is said to lie on another disk"
    if found is None:
        problem = "its extra fields are torn, or one is there twice"
    wide = _widened([size, packed, offset], (found or {}).get(EXTRA_ZIP64))
    if wide is None:
        problem = "its zip64 field and its sizes contradict each other"
    else:
        size, packed, offset = wide
    try:
        path = name.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        path = name.decode("utf-8", "backslashreplace")
        problem = "its name is not UTF-8" if flags & _UTF8 else "its name is not marked as UTF-8"
    return Listed(
        path=path,
        name=name,
        flags=flags,
        method=method,
        stamp=stamp,
        crc=crc,
        packed_bytes=packed,
        size_bytes=size,
        mode=attributes >> 16,
        attributes=attributes & 0xFFFF,
        offset=offset,
        extra=found or {},
        problem=problem,
    )


def _widened(values: list[int], field: bytes | None) -> list[int] | None:
    """The values, those that are saturated taken from the zip64 field; None: it has not just them.

    Source: APPNOTE.TXT 4.5.3
    """
    saturated = values.count(SATURATED)
    if len(field or b"") != saturated * _WIDE.size or (field is not None and not saturated):
        return None
    wide = (number for (number,) in _WIDE.iter_unpack(field or b""))
    return [next(wide) if value == SATURATED else value for value in values]
