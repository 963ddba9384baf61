"""Archives that two readers would read differently, or that no reader survives."""

import struct
import zlib

from hostile.forge import (
    DEFLATED,
    DESCRIPTOR,
    INFO,
    RECORD,
    STAMP,
    UTF8,
    Entry,
    Lies,
    changed,
    deflated,
    end_of,
    extra_field,
    pack,
    plain,
    recorded,
    with_descriptor,
)
from hostile.scene import (
    Build,
    Case,
    NearMiss,
    X,
    Y,
    demo,
    each_accepted,
    each_refused,
    good,
    named,
)

END = "it does not end as a ZIP archive does: bytes are missing, or follow its end"
SEVERAL = "it is one part of several, or carries a comment"
BEFORE = "its central directory is not where it says: bytes were put before or into it"
FEWER = "its central directory has fewer entries than it says, or is torn"
MORE = "its central directory has more entries than it says, or is torn"
TWO_ENDS = "its two end records contradict each other"
COUNT = "it has more than 250000 entries"
UNUSUAL = "its zip64 end record is not the usual one"
LOST = "bytes that belong to no entry follow it"
OVERLAP = "its data overlap what follows"
OTHER_NAME = "its local header gives another name"
OTHER_SIZE = "its local header gives another size or checksum"
OTHER_PACKING = "its local header gives another way of packing"
NO_HEADER = "it has no local header"
UNPACKED = "its data do not unpack to the size and checksum that the archive gives"
PACKED = "its data end before or after its packed size"
METHOD = "it is packed in a way that wheels do not use"
COMMENT = "it carries a comment, or is said to lie on another disk"
WIDE = "its zip64 field and its sizes contradict each other"
TORN = "its extra fields are torn, or one is there twice"
LOCAL_TORN = "the extra fields of its local header are torn, or one is there twice"
ONE_SIDE = "it is not compressed and has a descriptor: its end shows from one side only"
BAD_DESCRIPTOR = "its data descriptor is missing or wrong, or bytes follow it"

FULL = 0xFFFF_FFFF
ZIP64 = 0x0001
SIZES = struct.pack("<QQ", len(X), len(X))


def lying(**fields: object) -> Build:
    """A wheel with these lies at its end."""
    return lambda: pack(recorded(plain()), lies=Lies(**fields))


def evil() -> bytes:
    """Another whole archive."""
    return pack(recorded(plain({"demo.py": Y})))


def moved(content: bytes, offset: int) -> bytes:
    """A whole archive that may stand behind other bytes: its offsets count from their begin."""
    entries = recorded(plain({"demo.py": Y}))
    shifted: list[int] = []
    position = offset
    for entry in entries:
        shifted.append(position)
        position += len(entry.local_part())
    directory = b"".join(e.central_part(at) for e, at in zip(entries, shifted, strict=True))
    body = b"".join(e.local_part() for e in entries)
    return content + body + directory + end_of(len(entries), len(directory), offset + len(body))


def archive_as_comment() -> bytes:
    """One archive for who looks for the first end record, another for who looks for the last."""
    outer = good()
    inner = evil()
    return outer[:-2] + struct.pack("<H", len(inner)) + inner


def consistent_archive_as_comment() -> bytes:
    """The same, and the inner archive's offsets are right: it is whole."""
    outer = good()
    length = len(moved(b"", 0))
    return moved(outer[:-2] + struct.pack("<H", length), len(outer))


def two_ends() -> bytes:
    """Two end records, each of them for the one central directory."""
    content = good()
    return content + content[-22:]


def two_directories() -> bytes:
    """A central directory for each of two readers: the last one is left unsaid."""
    entries = recorded(plain())
    body = b"".join(e.local_part() for e in entries)
    whole = pack(entries)
    directory = whole[len(body) : -22]
    return body + directory + directory + end_of(len(entries), len(directory), len(body))


def nested() -> bytes:
    """A file whose data are another entry, header and all: it is there twice for one's bytes."""
    inner = Entry(name=b"inner.py", content=X)
    outer = Entry(name=b"outer.py", content=inner.local_part())
    return pack(recorded([outer, inner, *plain()]), inside={1: 30 + len(outer.name)})


def quoted_overlap() -> bytes:
    """A deflated file that quotes the next one's header in a stored block and shares its data."""
    inner = Entry(name=b"inner.txt", content=b"0" * 5000, method=DEFLATED)
    header = inner.local_part()[: -len(inner.packed())]
    block = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF)
    outer = Entry(
        name=b"outer.txt",
        content=header + inner.content,
        method=DEFLATED,
        data=block + header + inner.packed(),
    )
    at = 30 + len(outer.name) + len(block)
    return pack(recorded([outer, inner, *plain()]), inside={1: at})


def shared() -> bytes:
    """Two names for one local header."""
    twin = Entry(name=b"twin.py", content=X)
    return pack(recorded([*plain({"demo.py": X}), twin]), inside={3: 0})


def pointing_nowhere() -> bytes:
    """An entry at which no local header stands."""
    return pack(recorded([*plain(), Entry(name=b"evil.py", content=X)]), inside={3: 5})


def described(*, tail: bytes | None = None, **fields: bool) -> Build:
    """A wheel whose demo.py has its sizes behind its data."""

    def build() -> bytes:
        entries = plain()
        entry = with_descriptor(entries[0], **fields)
        changes = {"method": entry.method, "flags": entry.flags, "local": entry.local}
        end = entry.tail if tail is None else tail
        return pack(recorded(changed(entries, "demo.py", **changes, tail=end)))

    return build


def empty(number: int) -> Entry:
    return Entry(name=b"empty-%d.txt" % number)


def stored_blocks(content: bytes) -> bytes:
    deflater = zlib.compressobj(0, zlib.DEFLATED, -15)
    return deflater.compress(content) + deflater.flush()


def cancelling() -> bytes:
    """The central directory is said to begin one byte earlier, and to be one longer."""
    content = good()
    size, offset = struct.unpack("<LL", content[-10:-2])
    return content[:-10] + struct.pack("<LL", size + 1, offset - 1) + content[-2:]


ENDS = [
    Case("one byte", lambda: b"\0", END),
    Case("no archive", lambda: b"<html>not found</html>" * 9, END),
    Case("truncated", lambda: good()[:-10], END),
    Case("without its end record", lambda: good()[:-22], END),
    Case("trailing data", lambda: good() + b"#!/bin/sh\n", END),
    Case("comment", lying(comment=b"hello"), END),
    Case("end record as a comment", lying(comment=good()[-22:]), BEFORE),
    Case("archive as a comment", archive_as_comment, BEFORE),
    Case(
        "consistent archive as a comment",
        consistent_archive_as_comment,
        "bytes before its first entry belong to no entry",
    ),
    Case("two end records", two_ends, BEFORE),
    Case("two central directories", two_directories, BEFORE),
    Case("prepended data", lambda: b"#!/bin/sh\n" + good(), BEFORE),
    Case("two archives", lambda: good() + good(), BEFORE),
    Case(
        "two archives, the second with right offsets",
        lambda: moved(good(), len(good())),
        "bytes before its first entry belong to no entry",
    ),
    Case("second disk", lying(end={"disk": 1}), SEVERAL),
    Case("directory on a second disk", lying(end={"first": 1}), SEVERAL),
    Case("entries on a second disk", lying(end={"here": 1}), SEVERAL),
    Case("one entry fewer", lying(end={"here": 3, "count": 3}), MORE),
    Case("one entry more", lying(end={"here": 5, "count": 5}), FEWER),
    Case("no entries", lying(end={"here": 0, "count": 0}), MORE),
    Case("other offset", lying(end={"offset": 7}), BEFORE),
    Case("other size", lying(end={"size": 7}), BEFORE),
    Case("size and offset that cancel out", cancelling, FEWER),
    Case("zip64 said, and not there", lying(end={"offset": FULL}), BEFORE),
]

WIDE_ENDS = [
    Case(f"zip64 end record, {name}", lying(wide=fields, end=end), what)
    for name, fields, end, what in (
        ("other count", {"here": 3, "count": 3}, {}, TWO_ENDS),
        (
            "other count, and saturated",
            {"here": 3, "count": 3},
            {"here": 0xFFFF, "count": 0xFFFF},
            MORE,
        ),
        ("other size", {"size": 7}, {}, TWO_ENDS),
        ("other size, and saturated", {"size": 7}, {"size": FULL}, BEFORE),
        ("other offset", {"offset": 7}, {}, TWO_ENDS),
        ("other offset, and saturated", {"offset": 7}, {"offset": FULL}, BEFORE),
        ("huge offset", {"offset": 2**63}, {"offset": FULL}, BEFORE),
        ("huge count", {"here": 2**63, "count": 2**63}, {"here": 0xFFFF, "count": 0xFFFF}, COUNT),
        ("elsewhere", {"at": 5}, {}, UNUSUAL),
        ("beyond the end", {"at": 2**63}, {}, UNUSUAL),
        ("on a second disk", {"at_disk": 1}, {}, UNUSUAL),
        ("of two disks", {"disks": 2}, {}, UNUSUAL),
        ("directory on a second disk", {"first": 1}, {}, UNUSUAL),
        ("two counts", {"here": 3}, {}, UNUSUAL),
        ("longer than it is", {"length": 60}, {}, UNUSUAL),
    )
]

ENTRIES = [
    Case(
        "unlisted first entry",
        lambda: pack(recorded([Entry(name=b"evil.py"), *plain()]), unlisted=[0]),
        "bytes before its first entry belong to no entry",
    ),
    Case(
        "unlisted later entry",
        lambda: pack(recorded([*plain(), Entry(name=b"evil.py")]), unlisted=[3]),
        LOST,
        f"{INFO}/METADATA",
    ),
    Case("bytes before the directory", lambda: pack(recorded(plain()), gap=b"evil"), LOST, RECORD),
    Case("bytes between entries", demo(tail=b"evil"), LOST, "demo.py"),
    Case(
        "no local header",
        pointing_nowhere,
        OVERLAP,
        "demo.py",
        also=((NO_HEADER, "evil.py"),),
    ),
    Case(
        "no local header for any",
        lambda: pack(recorded(plain())).replace(b"PK\x03\x04", b"PK\x03\x05", 1),
        NO_HEADER,
        "demo.py",
    ),
    Case("nested", nested, OVERLAP, "outer.py"),
    Case("quoted overlap", quoted_overlap, OVERLAP, "outer.txt"),
    Case("shared", shared, OVERLAP, "demo.py", also=((OTHER_NAME, "twin.py"),)),
    Case("comment", demo(comment=b"PK\x05\x06"), COMMENT, "demo.py"),
    Case("other disk", demo(disk=1), COMMENT, "demo.py"),
    Case("torn extra field", demo(extra=b"\x75\x70\xff\0abc"), TORN, "demo.py"),
    Case("extra field of three bytes", demo(extra=b"abc"), TORN, "demo.py"),
    Case("extra field twice", demo(extra=extra_field(9, b"") * 2), TORN, "demo.py"),
    Case("torn local extra field", demo(local_extra=b"abc"), LOCAL_TORN, "demo.py"),
]

LOCAL = [
    Case("other local name", demo(local_name=b"evil.py"), OTHER_NAME, "demo.py"),
    Case("longer local name", demo(local_name=b"demo.pyc"), OTHER_NAME, "demo.py"),
    Case("local name in other case", demo(local_name=b"Demo.py"), OTHER_NAME, "demo.py"),
    *(
        Case(f"other local {name}", demo(local=fields), what, "demo.py")
        for name, fields, what in (
            ("size", {"size": 5}, OTHER_SIZE),
            ("packed size", {"packed": 5}, OTHER_SIZE),
            ("checksum", {"crc": 5}, OTHER_SIZE),
            ("sizes, all zero", {"size": 0, "packed": 0, "crc": 0}, OTHER_SIZE),
            ("method", {"method": 8}, OTHER_PACKING),
            ("encryption", {"flags": UTF8 | 1}, OTHER_PACKING),
            ("descriptor", {"flags": UTF8 | DESCRIPTOR}, OTHER_PACKING),
            ("encoding", {"flags": 0}, OTHER_PACKING),
            ("time", {"stamp": STAMP + 1}, "its local header gives another time"),
            ("size, saturated", {"size": FULL}, OTHER_SIZE),
        )
    ),
    Case(
        "other local size, in zip64 field",
        demo(local_extra=extra_field(ZIP64, struct.pack("<QQ", 7, 7))),
        OTHER_SIZE,
        "demo.py",
    ),
    Case(
        "other local size, saturated",
        demo(
            local={"size": FULL, "packed": FULL},
            local_extra=extra_field(ZIP64, struct.pack("<QQ", 7, 7)),
        ),
        OTHER_SIZE,
        "demo.py",
    ),
    Case(
        "half a local zip64 field",
        demo(local={"size": FULL}, local_extra=extra_field(ZIP64, SIZES[:8])),
        OTHER_SIZE,
        "demo.py",
    ),
]

CENTRAL_WIDE = [
    Case(f"zip64 field, {name}", demo(extra=extra_field(ZIP64, field), both=both), WIDE, "demo.py")
    for name, field, both in (
        ("and nothing saturated", SIZES, {}),
        ("empty", b"", {}),
        ("too short", SIZES[:4], {"size": FULL}),
        ("too long", SIZES, {"size": FULL}),
    )
] + [Case("saturated without a zip64 field", demo(both={"size": FULL}), WIDE, "demo.py")]

DATA = [
    Case("wrong checksum", demo(both={"crc": 5}), UNPACKED, "demo.py"),
    Case(
        "more than said",
        lambda: pack(
            recorded(
                changed(plain(), "demo.py", method=DEFLATED, both={"size": 3}),
                lambda text: text.replace(",6\n", ",3\n"),
            )
        ),
        UNPACKED,
        "demo.py",
    ),
    Case(
        "less than said",
        lambda: pack(
            recorded(
                changed(plain(), "demo.py", method=DEFLATED, both={"size": 60}),
                lambda text: text.replace(",6\n", ",60\n"),
            )
        ),
        UNPACKED,
        "demo.py",
    ),
    Case(
        "bomb that says it is small",
        lambda: pack(
            recorded(
                changed(
                    plain({"demo.py": X}),
                    "demo.py",
                    method=DEFLATED,
                    data=deflated(bytes(5 * 2**20)),
                )
            )
        ),
        UNPACKED,
        "demo.py",
    ),
    Case(
        "two sizes, yet stored",
        demo(both={"size": 3}),
        "it is not compressed, yet has two sizes",
        "demo.py",
    ),
    Case("not deflated", demo(both={"method": DEFLATED}), "its data cannot be unpacked", "demo.py"),
    Case(
        "data cut off",
        demo(method=DEFLATED, data=deflated(X)[:-2]),
        PACKED,
        "demo.py",
    ),
    Case(
        "data behind the end of the stream",
        demo(method=DEFLATED, data=deflated(X) + b"evil"),
        PACKED,
        "demo.py",
    ),
    Case("encrypted", demo(flags=UTF8 | 0x1), "it is encrypted", "demo.py"),
    Case("strongly encrypted", demo(flags=UTF8 | 0x41), "it is encrypted", "demo.py"),
    Case("masked headers", demo(flags=UTF8 | 0x2000), "it is encrypted", "demo.py"),
    Case("patched", demo(flags=UTF8 | 0x20), METHOD, "demo.py"),
    *(
        Case(f"packed by method {method}", demo(method=method), METHOD, "demo.py")
        for method in (1, 9, 12, 14, 93, 95, 99)
    ),
]

DESCRIPTORS = [
    Case("wrong descriptor", described(tail=b"PK\x07\x08" + bytes(12)), BAD_DESCRIPTOR, "demo.py"),
    Case("no descriptor", described(tail=b""), BAD_DESCRIPTOR, "demo.py"),
    Case(
        "descriptor and more", described(tail=b"PK\x07\x08" + bytes(50)), BAD_DESCRIPTOR, "demo.py"
    ),
    Case("descriptor of what is stored", demo(flags=UTF8 | DESCRIPTOR), ONE_SIDE, "demo.py"),
]

LEGAL = [
    NearMiss("descriptor", described()),
    NearMiss("descriptor without a signature", described(signed=False)),
    NearMiss("descriptor with 64 bits", described(wide=True)),
    NearMiss("zip64 end record, not needed", lying(wide={})),
    NearMiss(
        "zip64 end record, all saturated",
        lying(wide={}, end={"here": 0xFFFF, "count": 0xFFFF, "size": FULL, "offset": FULL}),
    ),
    NearMiss("zip64 field, not needed", demo(local_extra=extra_field(ZIP64, SIZES))),
    NearMiss(
        "zip64 field, saturated",
        demo(
            both={"size": FULL, "packed": FULL},
            extra=extra_field(ZIP64, SIZES),
        ),
    ),
    NearMiss("other version needed", demo(local={"version": 45})),
    NearMiss("other level of compression", demo(local={"flags": UTF8 | 2})),
    NearMiss("archive as a file", named("inner.zip", good())),
    NearMiss(
        "end record within the data",
        named("inner.bin", b"PK\x05\x06" + bytes(18) + b"PK\x06\x07"),
    ),
    NearMiss("empty files", lambda: pack(recorded([*plain(), *map(empty, range(9))]))),
    NearMiss("deflated emptiness", named("empty.txt", b"", method=DEFLATED)),
    NearMiss("stored blocks", demo(method=DEFLATED, data=stored_blocks(X))),
]


CASES = [
    *ENDS,
    *WIDE_ENDS,
    *ENTRIES,
    *LOCAL,
    *CENTRAL_WIDE,
    *DATA,
    *DESCRIPTORS,
]


test_is_refused_by_name = each_refused(CASES)
test_near_miss_is_accepted = each_accepted(LEGAL)
