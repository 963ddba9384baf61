"""Shared libraries made by hand: a header, two segments, and a dynamic section."""

import struct

_HEAD, _SEGMENT = 64, 56
_LOADED_AT = 0x1000
_NEEDED, _STRING_TABLE, _RUNPATH = 1, 5, 29


def shared_library(
    *, needs: tuple[str, ...] = (), looks: tuple[str, ...] = (), holds: tuple[str, ...] = ()
) -> bytes:
    """A library that needs these others, looks for them in these folders, and holds these texts."""
    strings = bytearray(b"\0")
    entries: list[tuple[int, int]] = []
    for tag, text in [*((_NEEDED, name) for name in needs), (_RUNPATH, ":".join(looks))]:
        entries.append((tag, len(strings)))
        strings += text.encode() + b"\0"
    table = _HEAD + 2 * _SEGMENT
    entries.append((_STRING_TABLE, _LOADED_AT + table))
    body = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    dynamic = table + len(strings)
    head = bytearray(_HEAD)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", head, 0x20, _HEAD)
    struct.pack_into("<H", head, 0x38, 2)
    segments = [(1, 0, _LOADED_AT, dynamic + len(body)), (2, dynamic, 0, len(body))]
    packed = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, place, address, address, size, size, 8)
        for kind, place, address, size in segments
    )
    texts = b"".join(b"\0" + text.encode() + b"\0" for text in holds)
    return bytes(head) + packed + bytes(strings) + body + texts
