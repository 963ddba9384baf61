"""Wheels that no honest tool writes: an archive packed by hand, each header free to lie."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from support.wheels import Recipe, record_hash

FILENAME = "demo-1.0-py3-none-any.whl"
INFO = "demo-1.0.dist-info"
RECORD = f"{INFO}/RECORD"

STORED = 0
DEFLATED = 8

_LOCAL_FIELDS = ("flags", "method", "crc", "packed", "size")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry. `local` overrides fields of its local header alone, `both` of both headers."""

    name: bytes
    content: bytes = b""
    mode: int = 0o100644
    method: int = STORED
    flags: int = 0x800
    extra: bytes = b""
    local_name: bytes | None = None
    local: Mapping[str, int] = field(default_factory=dict)
    both: Mapping[str, int] = field(default_factory=dict)
    tail: bytes = b""

    def packed(self) -> bytes:
        if self.method != DEFLATED:
            return self.content
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.content) + deflater.flush()

    def fields(self) -> dict[str, int]:
        return {
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(self.packed()),
            "size": len(self.content),
            **self.both,
        }

    def local_part(self) -> bytes:
        f = self.fields() | dict(self.local)
        name = self.name if self.local_name is None else self.local_name
        numbers = (20, f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"])
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", *numbers, len(name), len(self.extra))
        return header + name + self.extra + self.packed() + self.tail

    def central_part(self, offset: int) -> bytes:
        f = self.fields()
        numbers = (0x314, 20, f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"])
        lengths = (len(self.name), len(self.extra), 0, 0, 0, self.mode << 16, offset)
        header = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *numbers, *lengths)
        return header + self.name + self.extra


def pack(
    entries: Sequence[Entry],
    *,
    inside: Mapping[int, int] | None = None,
    unlisted: Sequence[int] = (),
    gap: bytes = b"",
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
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


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
    return f'"{name}"' if "\n" in name else name


def changed(entries: Sequence[Entry], name: str, **changes: object) -> list[Entry]:
    """The entries, the named one with other values."""
    return [replace(e, **changes) if e.name.decode() == name else e for e in entries]
