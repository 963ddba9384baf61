"""Wheels that no honest tool writes: an archive packed by hand, each header free to lie."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from support.wheels import Recipe, record_hash

FILENAME = "demo-1.0-py3-none-any.whl"
INFO = "demo-1.0.dist-info"
DATA = "demo-1.0.data"
RECORD = f"{INFO}/RECORD"

STORED = 0
DEFLATED = 8

UTF8 = 0x800
DESCRIPTOR = 0x8

# 1980-01-01T00:00:00 as ZIP has it.
STAMP = 33 << 16


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry. `local` overrides fields of its local header alone, `both` of both headers."""

    name: bytes
    content: bytes = b""
    mode: int = 0o100644
    attributes: int = 0
    method: int = STORED
    flags: int = UTF8
    extra: bytes = b""
    local_extra: bytes | None = None
    local_name: bytes | None = None
    comment: bytes = b""
    disk: int = 0
    local: Mapping[str, int] = field(default_factory=dict)
    both: Mapping[str, int] = field(default_factory=dict)
    data: bytes | None = None
    tail: bytes = b""

    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflated(self.content) if self.method == DEFLATED else self.content

    def fields(self) -> dict[str, int]:
        return {
            "version": 20,
            "flags": self.flags,
            "method": self.method,
            "stamp": STAMP,
            "crc": zlib.crc32(self.content),
            "packed": len(self.packed()),
            "size": len(self.content),
            **self.both,
        }

    def local_part(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        extra = self.extra if self.local_extra is None else self.local_extra
        numbers = (self.fields() | dict(self.local)).values()
        header = struct.pack("<4s3HL3L2H", b"PK\x03\x04", *numbers, len(name), len(extra))
        return header + name + extra + self.packed() + self.tail

    def central_part(self, offset: int) -> bytes:
        lengths = (len(self.name), len(self.extra), len(self.comment))
        last = (self.disk, 0, self.mode << 16 | self.attributes, offset)
        numbers = (0x314, *self.fields().values(), *lengths, *last)
        return struct.pack("<4s4HL3L5H2L", b"PK\x01\x02", *numbers) + (
            self.name + self.extra + self.comment
        )


@dataclass(frozen=True, kw_only=True)
class Lies:
    """What the end of an archive says wrongly.

    `end`: fields of the end record. `wide`: fields of the zip64 end record and its locator, which
    are there when it is not None.
    """

    end: Mapping[str, int] = field(default_factory=dict)
    wide: Mapping[str, int] | None = None
    comment: bytes = b""


TRUTH = Lies()


def pack(
    entries: Sequence[Entry],
    *,
    inside: Mapping[int, int] | None = None,
    unlisted: Sequence[int] = (),
    gap: bytes = b"",
    lies: Lies = TRUTH,
) -> bytes:
    """The archive. `inside`: entries by number that lie in the data of another, at that offset."""
    body = b""
    starts: list[int] = []
    for number, entry in enumerate(entries):
        if inside and number in inside:
            starts.append(inside[number])
            continue
        starts.append(len(body))
        body += entry.local_part()
    body += gap
    directory = b"".join(
        entry.central_part(starts[number])
        for number, entry in enumerate(entries)
        if number not in unlisted
    )
    count = len(entries) - len(unlisted)
    return body + directory + end_of(count, len(directory), len(body), lies)


def end_of(count: int, size: int, offset: int, lies: Lies = TRUTH) -> bytes:
    """What follows a central directory of that many entries and bytes, which begins there."""
    truth = {"disk": 0, "first": 0, "here": count, "count": count, "size": size, "offset": offset}
    tail = b""
    if lies.wide is not None:
        record = {"length": 44, "made": 45, "needed": 45} | truth
        locator = {"at_disk": 0, "at": offset + size, "disks": 1}
        record |= {k: v for k, v in lies.wide.items() if k in record}
        locator |= {k: v for k, v in lies.wide.items() if k in locator}
        tail += struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *record.values())
        tail += struct.pack("<4sLQL", b"PK\x06\x07", *locator.values())
    numbers = (truth | dict(lies.end)).values()
    return tail + struct.pack("<4s4H2LH", b"PK\x05\x06", *numbers, len(lies.comment)) + lies.comment


def plain(files: Mapping[str, str | bytes] | None = None, **recipe: object) -> list[Entry]:
    """The entries of an honest wheel, all but RECORD."""
    made = Recipe(name="demo", version="1.0", files=files or {"demo.py": "x = 1\n"}, **recipe)
    return [Entry(name=path.encode(), content=text) for path, text in made.members().items()]


def recorded(entries: Sequence[Entry], edit: Callable[[str], str] = str) -> list[Entry]:
    """The entries and a RECORD that lists them, edited."""
    rows = [
        f"{quoted(e.name.decode(errors='replace'))},sha256={record_hash(e.content)},{len(e.content)}"
        for e in entries
        if not e.name.endswith(b"/")
    ]
    text = edit("\n".join([*rows, f"{RECORD},,", ""]))
    return [*entries, Entry(name=RECORD.encode(), content=text.encode())]


def quoted(name: str) -> str:
    return f'"{name}"' if "\n" in name or "," in name else name


def changed(entries: Sequence[Entry], name: str, **changes: object) -> list[Entry]:
    """The entries, the named one with other values."""
    return [replace(e, **changes) if e.name.decode() == name else e for e in entries]


def deflated(content: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(content) + deflater.flush()


def extra_field(identifier: int, content: bytes) -> bytes:
    return struct.pack("<HH", identifier, len(content)) + content


def with_descriptor(entry: Entry, *, signed: bool = True, wide: bool = False) -> Entry:
    """The deflated entry, its sizes not in its local header but behind its data."""
    whole = replace(entry, method=DEFLATED, flags=UTF8 | DESCRIPTOR)
    numbers = (whole.fields()[name] for name in ("crc", "packed", "size"))
    tail = struct.pack("<LQQ" if wide else "<LLL", *numbers)
    later = {"crc": 0, "packed": 0, "size": 0}
    return replace(whole, local=later, tail=(b"PK\x07\x08" if signed else b"") + tail)
