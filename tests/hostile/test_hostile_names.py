"""Entries whose name or kind would make them something else than a file of the tree."""

from hostile.forge import DEFLATED, Entry, changed, extra_field, pack, plain, recorded
from hostile.scene import (
    SITE,
    Case,
    NearMiss,
    Scene,
    X,
    Y,
    demo,
    each_accepted,
    each_refused,
    files,
    named,
)

CONTROL = "its name holds a control character"
OUT = "its path leads out of the tree"
ABSOLUTE = "its path is absolute"
PART = "its path has an empty or a '.' part"
SPECIAL = "it is a symlink, a device or another special file"
BITS = "it has a setuid, setgid or sticky bit"
SECOND = "it has a second name in an extra field"
UNICODE_PATH = extra_field(0x7075, b"\x01\0\0\0\0evil.py")
LONG_PATH = "/".join(["a" * 200] * 6)


def folder(name: bytes, **fields: object) -> Entry:
    return Entry(name=name, **{"mode": 0o40755, **fields})


def below_a_symlink() -> bytes:
    link = Entry(name=b"demo", content=b"../../../..", mode=0o120777)
    return pack(recorded([link, Entry(name=b"demo/x.py", content=X), *plain()]))


NAMES = [
    *(
        Case(name, named(path), what, path)
        for name, path, what in (
            ("parent folder", "../x.py", OUT),
            ("many parents", "../" * 12 + "etc/x.py", OUT),
            ("parent inside", "a/../../x.py", OUT),
            ("only a parent", "..", OUT),
            ("parent in .data", "demo-1.0.data/scripts/../../x", OUT),
            ("parent in headers", "demo-1.0.data/headers/../../../x.h", OUT),
            ("absolute", "/etc/x.py", ABSOLUTE),
            ("absolute for Windows shares", "//host/share/x.py", ABSOLUTE),
            ("drive", "c:x.py", ABSOLUTE),
            ("drive and root", "C:/x.py", ABSOLUTE),
            ("backslash", "a\\..\\..\\x", "its name holds a backslash"),
            ("drive and backslash", "C:\\x", "its name holds a backslash"),
            ("NUL", "x.py\0.txt", CONTROL),
            ("newline", "x\ny.py", CONTROL),
            ("tab", "x\ty.py", CONTROL),
            ("escape", "x\x1b[2J.py", CONTROL),
            ("delete", "x\x7f.py", CONTROL),
            ("line separator", "x\u2028.py", CONTROL),
            ("dot", ".", PART),
            ("dot part", "./x.py", PART),
            ("dot inside", "a/./x.py", PART),
            ("empty part", "a//x.py", PART),
            ("empty part in .data", "demo-1.0.data/scripts//x", PART),
            ("deep", "a/" * 64 + "x.py", "it lies deeper than 64 folders"),
            ("3000 deep", "a/" * 3000 + "x.py", "it lies deeper than 64 folders"),
            ("long path", LONG_PATH, "its path is longer than 1024 bytes"),
            ("long name", "a" * 221, "a part of its path is longer than 220 bytes"),
            ("long name in bytes", "\xe9" * 111, "a part of its path is longer than 220 bytes"),
        )
    ),
    Case("no name", named(""), "it has no name"),
    Case(
        "root folder",
        lambda: pack(recorded([*plain(), folder(b"/")])),
        "it has no name",
        "/",
    ),
    Case("not UTF-8", named(b"\xff.py"), "its name is not UTF-8", "\\xff.py"),
    Case("surrogate", named(b"\xed\xa0\x80.py"), "its name is not UTF-8", "\\xed\\xa0\\x80.py"),
    Case("unmarked", named("\xe9.py", flags=0), "its name is not marked as UTF-8", "\xe9.py"),
    Case("second name", demo(extra=UNICODE_PATH), SECOND, "demo.py"),
    Case(
        "second name, at the end only",
        demo(extra=UNICODE_PATH, local_extra=b""),
        SECOND,
        "demo.py",
    ),
    Case("second name, at the front only", demo(local_extra=UNICODE_PATH), SECOND, "demo.py"),
]

COLLISIONS = [
    Case(
        "other case",
        files("demo.py", "Demo.py"),
        "its path differs from 'Demo.py' only in case or in Unicode form",
        "demo.py",
    ),
    Case(
        "folder of other case",
        files("demo/a.py", "Demo/b.py"),
        "its path differs from 'Demo' only in case or in Unicode form",
        "demo/a.py",
    ),
    Case(
        "sharp s",
        files("strasse.py", "stra\xdfe.py"),
        "its path differs from 'strasse.py' only in case or in Unicode form",
        "stra\xdfe.py",
    ),
    Case(
        "other normal form",
        files("e\u0301.py", "\xe9.py"),
        "its path differs from 'e\u0301.py' only in case or in Unicode form",
        "\xe9.py",
    ),
    Case("same name, same content", named("demo.py"), "it is there twice", "demo.py"),
    Case("same name, other content", named("demo.py", Y), "it is there twice", "demo.py"),
    Case(
        "same place by two names",
        files("demo.py", "demo-1.0.data/purelib/demo.py"),
        "it is there twice",
        f"{SITE}/demo.py",
    ),
    Case("file and folder", files("demo", "demo/x.py"), "it is both a file and a folder", "demo"),
    Case(
        "file and folder entry",
        lambda: pack(recorded([*plain(), folder(b"demo.py/")])),
        "it is both a file and a folder",
        "demo.py",
    ),
]

KINDS = [
    *(
        Case(name, demo(mode=mode), what, "demo.py")
        for name, mode, what in (
            ("symlink", 0o120777, SPECIAL),
            ("character device", 0o20666, SPECIAL),
            ("block device", 0o60666, SPECIAL),
            ("pipe", 0o10666, SPECIAL),
            ("socket", 0o140777, SPECIAL),
            ("folder by mode", 0o40755, SPECIAL),
            ("setuid", 0o104755, BITS),
            ("setgid", 0o102755, BITS),
            ("sticky", 0o101755, BITS),
        )
    ),
    Case("below a symlink", below_a_symlink, SPECIAL, "demo"),
    Case(
        "setgid folder",
        lambda: pack(recorded([*plain(), folder(b"demo/", mode=0o42755)])),
        BITS,
        "demo/",
    ),
    Case(
        "folder with the mode of a file",
        lambda: pack(recorded([*plain(), Entry(name=b"demo/")])),
        SPECIAL,
        "demo/",
    ),
    Case(
        "folder with data",
        lambda: pack(recorded([*plain(), folder(b"demo/", content=X)])),
        "it is a folder that holds data",
        "demo/",
    ),
    *(
        Case(
            name,
            demo(attributes=attributes),
            "its name is that of a file, its attributes are not",
            "demo.py",
        )
        for name, attributes in (("folder by attributes", 0x10), ("disk's label", 0x08))
    ),
]

LEGAL = [
    NearMiss("honest", lambda: pack(recorded(plain()))),
    NearMiss("dots in a name", files("demo.py", "a..b/...x.py"), (f"{SITE}/a..b/...x.py",)),
    NearMiss("no ASCII", files("\xe9.py", "\u65e5\u672c.txt"), (f"{SITE}/\u65e5\u672c.txt",)),
    NearMiss("space and comma", files("a b,c.py"), (f"{SITE}/a b,c.py",)),
    NearMiss("63 deep", named("a/" * 63 + "x.txt"), (f"{SITE}/{'a/' * 63}x.txt",)),
    NearMiss("220 bytes", named("a" * 220), (f"{SITE}/{'a' * 220}",)),
    NearMiss("unmarked ASCII", demo(flags=0)),
    NearMiss("other extra field", demo(extra=extra_field(0x5455, b"\3" + bytes(8)))),
    NearMiss("no mode", demo(mode=0)),
    NearMiss(
        "folders of their own",
        lambda: pack(recorded([folder(b"demo/", attributes=0x10), *plain()])),
    ),
    NearMiss("same name in two folders", files("demo.py", "a/x.py", "b/x.py")),
    NearMiss("all deflated", lambda: pack(recorded(changed(plain(), "demo.py", method=DEFLATED)))),
]


test_is_refused_by_name = each_refused([*NAMES, *COLLISIONS, *KINDS])
test_near_miss_is_accepted = each_accepted(LEGAL)


def test_world_writable_file_is_accepted_and_is_not_writable(outbox: Scene) -> None:
    """Wheels made on Windows have that mode; a tree has modes of its own."""
    outbox.accepted(NearMiss("world writable", demo(mode=0o100666)))
    places = list(outbox.store.rglob("demo.py"))
    assert [place.stat().st_mode & 0o7777 for place in places] == [0o444]
