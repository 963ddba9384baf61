"""A ZIP archive → a small one with the member that is looked for, for `zipfile` to read.

`zipfile` makes an object of each of a wheel's thousands of entries. Here they are stepped over;
an archive that is not as nearly all are is left to it, who has the words for what is wrong.

Source: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16
"""

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

# Of an entry: its fixed part; in that the packed size, the lengths of its name, extra fields and
# comment, and where its local header is. That begins likewise.
_ENTRY_BYTES, _PACKED_AT, _LENGTHS_AT, _OFFSET_AT = 46, 20, 28, 42
_LOCAL_BYTES, _LOCAL_LENGTHS_AT = 30, 26
_END = struct.Struct("<4s4H2LH")
_ONE, _TWO, _THREE = struct.Struct("<L"), struct.Struct("<2H"), struct.Struct("<3H")


def excerpt(file: BinaryIO, ending: bytes, *, most_bytes: int) -> BinaryIO | None:
    """An archive of the one member, one folder down, whose name ends so; None: ask the whole one.

    `file` can be read at any place. A member that is packed to more than `most_bytes` is not read.

    Raises:
        Whatever `file` raises.
    """
    directory = _directory(file)
    entries = [] if directory is None else list(_entries(directory, ending))
    if len(entries) != 1 or entries[0] is None:
        return None
    entry = entries[0]
    (packed_bytes,), (offset,) = (
        _ONE.unpack_from(entry, _PACKED_AT),
        _ONE.unpack_from(entry, _OFFSET_AT),
    )
    if packed_bytes > most_bytes:
        return None
    file.seek(offset)
    header = file.read(_LOCAL_BYTES)
    if len(header) != _LOCAL_BYTES:
        return None
    rest = file.read(packed_bytes + sum(_TWO.unpack_from(header, _LOCAL_LENGTHS_AT)))
    member = header + rest
    entry = entry[:_OFFSET_AT] + _ONE.pack(0) + entry[_ENTRY_BYTES:]
    end = _END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(member), 0)
    return io.BytesIO(member + entry + end)


def _directory(file: BinaryIO) -> bytes | None:
    """The central directory, where the archive ends with it and the usual record behind it."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(size_bytes - _END.size, 0))
    record = file.read(_END.size)
    if len(record) != _END.size:
        return None
    signature, disk, first_disk, _, _, length, offset, comment = _END.unpack(record)
    ends_there = offset + length + _END.size == size_bytes
    if signature != b"PK\x05\x06" or disk or first_disk or comment or not ends_there:
        return None
    file.seek(offset)
    return file.read(length)


def _entries(directory: bytes, ending: bytes) -> Iterator[bytes | None]:
    """The entries of members one folder down whose names end so; None: it is torn from there on."""
    at, size_bytes = 0, len(directory)
    while at < size_bytes:
        name_at = at + _ENTRY_BYTES
        if name_at > size_bytes or not directory.startswith(b"PK\x01\x02", at):
            yield None
            return
        name, extra, comment = _THREE.unpack_from(directory, at + _LENGTHS_AT)
        start, at = at, name_at + name + extra + comment
        is_named_so = directory.endswith(ending, name_at, name_at + name)
        if is_named_so and directory.count(b"/", name_at, name_at + name) == 1:
            yield directory[start:at]
