"""Each kind of hostile wheel: refused, the wheel and the entry named, nothing published."""

import os
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from envc.errors import UntrustedError
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.ports import SilentReporter
from envc.store import Store
from envc.store import limits as store_limits
from hostile.forge import (
    DEFLATED,
    FILENAME,
    INFO,
    RECORD,
    Entry,
    changed,
    pack,
    plain,
    recorded,
)

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MEND = "\n  mend: do not use this wheel: pin another release, and tell the project"
X = b"x = 1\n"
Y = b"y = 1\n"
UNICODE_PATH = struct.pack("<HH", 0x7075, 4) + b"\x01abc"
DESCRIPTOR_FLAGS = 0x808


@dataclass(frozen=True)
class Case:
    name: str
    build: Callable[[], bytes]
    what: str
    entry: str = ""

    @property
    def message(self) -> str:
        place = f"{FILENAME}, entry {self.entry!r}" if self.entry else FILENAME
        return f"{place}: {self.what}{MEND}"


def named(name: str | bytes, **fields: object) -> Callable[[], bytes]:
    """A wheel with one more entry of that name."""
    raw = name.encode() if isinstance(name, str) else name
    return lambda: pack(recorded([*plain(), Entry(name=raw, content=X, **fields)]))


def files(*paths: str) -> Callable[[], bytes]:
    """A wheel with these files, recorded as they should be."""
    return lambda: pack(recorded(plain(dict.fromkeys(paths, "x = 1\n"))))


def demo(**changes: object) -> Callable[[], bytes]:
    """A wheel whose demo.py is packed in another way."""
    return lambda: pack(recorded(changed(plain(), "demo.py", **changes)))


def record(edit: Callable[[str], str]) -> Callable[[], bytes]:
    return lambda: pack(recorded(plain(), edit))


def replaced(old: str, new: str) -> Callable[[], bytes]:
    return record(lambda text: text.replace(old, new))


def metadata(name: str, text: str) -> Callable[[], bytes]:
    return lambda: pack(recorded(changed(plain(), f"{INFO}/{name}", content=text.encode())))


def scripts(text: str) -> Callable[[], bytes]:
    return lambda: pack(recorded(plain(entry_points=f"[console_scripts]\n{text}\n")))


def without(name: str) -> Callable[[], bytes]:
    return lambda: pack(recorded([e for e in plain() if e.name.decode() != f"{INFO}/{name}"]))


def overlapping() -> bytes:
    """A file whose data are another entry, header and all: it is there twice for one's bytes."""
    inner = Entry(name=b"inner.py", content=X)
    outer = Entry(name=b"outer.py", content=inner.local_part())
    return pack(recorded([outer, inner, *plain()]), inside={1: 30 + len(outer.name)})


def good() -> bytes:
    return pack(recorded(plain()))


NAMES = [
    Case("parent folder", named("../x.py"), "its path leads out of the tree", "../x.py"),
    Case("parent inside", named("a/../../x.py"), "its path leads out of the tree", "a/../../x.py"),
    Case("absolute", named("/etc/x.py"), "its path is absolute", "/etc/x.py"),
    Case("drive", named("c:x.py"), "its path is absolute", "c:x.py"),
    Case("backslash", named("a\\..\\x.py"), "its name holds a backslash", "a\\..\\x.py"),
    Case("NUL", named("x.py\0.txt"), "its name holds a control character", "x.py\0.txt"),
    Case("newline", named("x\ny.py"), "its name holds a control character", "x\ny.py"),
    Case("escape", named("x\x1b[2J.py"), "its name holds a control character", "x\x1b[2J.py"),
    Case("line separator", named("x\u2028.py"), "its name holds a control character", "x\u2028.py"),
    Case("no name", named(""), "it has no name"),
    Case("dot part", named("./x.py"), "its path has an empty or a '.' part", "./x.py"),
    Case("empty part", named("a//x.py"), "its path has an empty or a '.' part", "a//x.py"),
    Case("deep", named("a/" * 64 + "x.py"), "it lies deeper than 64 folders", "a/" * 64 + "x.py"),
    Case(
        "long path",
        named("/".join(["a" * 200] * 6)),
        "its path is longer than 1024 bytes",
        "/".join(["a" * 200] * 6),
    ),
    Case("long name", named("a" * 221), "a part of its path is longer than 220 bytes", "a" * 221),
    Case("not UTF-8", named(b"\xff.py"), "its central directory cannot be read"),
    Case("unmarked", named("\xe9.py", flags=0), "its name is not marked as UTF-8", "├⌐.py"),
    Case(
        "second name",
        demo(extra=UNICODE_PATH),
        "it has a second name in an extra field",
        "demo.py",
    ),
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
        "other normal form",
        files("e\u0301.py", "\xe9.py"),
        "its path differs from 'e\u0301.py' only in case or in Unicode form",
        "\xe9.py",
    ),
    Case("duplicate", named("demo.py"), "it is there twice", "demo.py"),
    Case("file and folder", files("demo", "demo/x.py"), "it is both a file and a folder", "demo"),
    Case(
        "file and folder entry",
        lambda: pack(recorded([*plain(), Entry(name=b"demo.py/", mode=0o40755)])),
        "it is both a file and a folder",
        "demo.py",
    ),
]

KINDS = [
    Case(name, demo(mode=mode), what, "demo.py")
    for name, mode, what in (
        ("symlink", 0o120777, "it is a symlink, a device or another special file"),
        ("character device", 0o20666, "it is a symlink, a device or another special file"),
        ("block device", 0o60666, "it is a symlink, a device or another special file"),
        ("pipe", 0o10666, "it is a symlink, a device or another special file"),
        ("socket", 0o140777, "it is a symlink, a device or another special file"),
        ("folder by mode", 0o40755, "it is a symlink, a device or another special file"),
        ("setuid", 0o104755, "it has a setuid, setgid or sticky bit"),
        ("setgid", 0o102755, "it has a setuid, setgid or sticky bit"),
        ("sticky", 0o101755, "it has a setuid, setgid or sticky bit"),
    )
]

ARCHIVES = [
    Case(
        "no archive",
        lambda: b"<html>not found</html>" * 9,
        "it does not end as a ZIP archive does: bytes are missing, or follow its end",
    ),
    Case(
        "truncated",
        lambda: good()[:-10],
        "it does not end as a ZIP archive does: bytes are missing, or follow its end",
    ),
    Case(
        "trailing data",
        lambda: good() + b"#!/bin/sh\n",
        "it does not end as a ZIP archive does: bytes are missing, or follow its end",
    ),
    Case(
        "comment",
        lambda: good()[:-2] + struct.pack("<H", 22) + good()[-22:],
        "its central directory is not where it says: bytes were put before or into it",
    ),
    Case(
        "prepended data",
        lambda: b"#!/bin/sh\n" + good(),
        "its central directory is not where it says: bytes were put before or into it",
    ),
    Case(
        "two archives",
        lambda: good() + good(),
        "its central directory is not where it says: bytes were put before or into it",
    ),
    Case(
        "unlisted first entry",
        lambda: pack(recorded([Entry(name=b"evil.py"), *plain()]), unlisted=[0]),
        "bytes before its first entry belong to no entry",
    ),
    Case(
        "unlisted later entry",
        lambda: pack(recorded([*plain(), Entry(name=b"evil.py")]), unlisted=[3]),
        "bytes that belong to no entry follow it",
        f"{INFO}/METADATA",
    ),
    Case(
        "bytes before the directory",
        lambda: pack(recorded(plain()), gap=b"evil"),
        "bytes that belong to no entry follow it",
        RECORD,
    ),
    Case(
        "overlap",
        overlapping,
        "its data overlap what follows",
        "outer.py",
    ),
    Case(
        "other local name",
        demo(local_name=b"evil.py"),
        "its local header gives another name",
        "demo.py",
    ),
    Case(
        "other local size",
        demo(local={"size": 5}),
        "its local header gives another size or checksum",
        "demo.py",
    ),
    Case(
        "other local checksum",
        demo(local={"crc": 5}),
        "its local header gives another size or checksum",
        "demo.py",
    ),
    Case(
        "other local packing",
        demo(local={"method": 8}),
        "its local header gives another way of packing",
        "demo.py",
    ),
    Case(
        "wrong checksum",
        demo(both={"crc": 5}),
        "its data do not unpack to the size and checksum that the archive gives",
        "demo.py",
    ),
    Case(
        "lying size",
        lambda: pack(
            recorded(
                changed(plain(), "demo.py", method=DEFLATED, both={"size": 3}),
                lambda text: text.replace(",6\n", ",3\n"),
            )
        ),
        "its data do not unpack to the size and checksum that the archive gives",
        "demo.py",
    ),
    Case(
        "not deflated",
        demo(both={"method": DEFLATED}),
        "its data cannot be unpacked",
        "demo.py",
    ),
    Case("encrypted", demo(flags=0x801), "it is encrypted", "demo.py"),
    Case(
        "unknown packing",
        demo(method=14),
        "it is packed in a way that wheels do not use",
        "demo.py",
    ),
    Case(
        "wrong descriptor",
        demo(
            flags=DESCRIPTOR_FLAGS,
            local={"crc": 0, "size": 0, "packed": 0},
            tail=b"PK\x07\x08" + bytes(12),
        ),
        "its data descriptor is missing or wrong, or bytes follow it",
        "demo.py",
    ),
]

RECORDS = [
    Case(
        "no RECORD",
        lambda: pack(plain()),
        "the wheel does not hold it",
        RECORD,
    ),
    Case(
        "wrong hash",
        lambda: pack(changed(recorded(plain()), "demo.py", content=Y)),
        f"its sha256 is {sha256(Y).hexdigest()}, RECORD says {sha256(X).hexdigest()}",
        "demo.py",
    ),
    Case(
        "wrong size",
        replaced(",6\n", ",7\n"),
        "it has 6 bytes, RECORD says 7",
        "demo.py",
    ),
    Case(
        "unlisted",
        lambda: pack([*recorded(plain()), Entry(name=b"evil.py")]),
        "RECORD does not list it",
        "evil.py",
    ),
    Case(
        "absent",
        replaced("demo.py,", "evil.py,sha256=" + "A" * 43 + ",0\ndemo.py,"),
        "RECORD lists it, but the wheel does not hold it",
        "evil.py",
    ),
    Case(
        "listed twice",
        record(lambda text: text.splitlines()[0] + "\n" + text),
        "it lists 'demo.py' twice",
        RECORD,
    ),
    Case(
        "escaping row",
        record(lambda text: text + "../evil.py,,\n"),
        "of its row '../evil.py': its path leads out of the tree",
        RECORD,
    ),
    Case(
        "no hash",
        record(lambda text: "demo.py,,\n" + text.partition("\n")[2]),
        "RECORD gives no hash of it",
        "demo.py",
    ),
    Case(
        "md5",
        record(lambda text: "demo.py,md5=AAAA,6\n" + text.partition("\n")[2]),
        "RECORD gives a hash of it that is too weak or unknown: 'md5'",
        "demo.py",
    ),
    Case(
        "sha1",
        record(lambda text: "demo.py,sha1=AAAA,6\n" + text.partition("\n")[2]),
        "RECORD gives a hash of it that is too weak or unknown: 'sha1'",
        "demo.py",
    ),
    Case(
        "torn hash",
        record(lambda text: "demo.py,sha256=AAAA,6\n" + text.partition("\n")[2]),
        "RECORD gives a hash of it that cannot be read: 'sha256=AAAA'",
        "demo.py",
    ),
    Case(
        "hash of itself",
        record(lambda text: text.replace(f"{RECORD},,", f"{RECORD},sha256=A,1")),
        "it gives a hash or a size of itself",
        RECORD,
    ),
    Case(
        "two fields",
        record(lambda text: text + "demo.py,\n"),
        "its row 'demo.py,' has not three fields",
        RECORD,
    ),
]

CLAIMS = [
    Case(
        "two dist-infos",
        files("demo.py", "evil-1.0.dist-info/METADATA"),
        f"it must have one .dist-info folder; it has {INFO} and evil-1.0.dist-info",
    ),
    Case(
        "no dist-info",
        lambda: pack([Entry(name=b"demo.py")]),
        "it must have one .dist-info folder; it has none",
    ),
    Case(
        "other release",
        lambda: pack([Entry(name=b"demo-2.0.dist-info/RECORD")]),
        "it belongs to another release than the file name: demo 1.0",
        "demo-2.0.dist-info",
    ),
    Case(
        "hidden dist-info",
        files("demo-1.0.data/purelib/evil-1.0.dist-info/METADATA"),
        "it would be the metadata of another distribution",
        "demo-1.0.data/purelib/evil-1.0.dist-info/METADATA",
    ),
    Case(
        "egg-info",
        files("evil.egg-info/PKG-INFO"),
        "it would be the metadata of another distribution",
        "evil.egg-info/PKG-INFO",
    ),
    Case("no WHEEL", without("WHEEL"), "the wheel does not hold it", f"{INFO}/WHEEL"),
    Case("no METADATA", without("METADATA"), "the wheel does not hold it", f"{INFO}/METADATA"),
    Case(
        "no Wheel-Version",
        metadata("WHEEL", "Generator: x\n"),
        "it gives no Wheel-Version",
        f"{INFO}/WHEEL",
    ),
    Case(
        "wheel 2",
        metadata("WHEEL", "Wheel-Version: 2.0\n"),
        "it has Wheel-Version 2.0; only 1.x is known",
        f"{INFO}/WHEEL",
    ),
    Case(
        "other name",
        metadata("METADATA", "Metadata-Version: 2.4\nName: evil\nVersion: 1.0\n"),
        "it is about evil 1.0, the file name about demo 1.0",
        f"{INFO}/METADATA",
    ),
    Case(
        "other version",
        metadata("METADATA", "Metadata-Version: 2.4\nName: demo\nVersion: 1.1\n"),
        "it is about demo 1.1, the file name about demo 1.0",
        f"{INFO}/METADATA",
    ),
    Case(
        "no name in METADATA",
        metadata("METADATA", "Metadata-Version: 2.4\n"),
        "it names no project or no version",
        f"{INFO}/METADATA",
    ),
    *(
        Case(
            f"forged {name}",
            files("demo.py", f"{INFO}/{name}"),
            "only an installer may write it",
            f"{INFO}/{name}",
        )
        for name in ("INSTALLER", "REQUESTED", "direct_url.json")
    ),
    Case(
        "forged through .data",
        files(f"demo-1.0.data/purelib/{INFO}/RECORD"),
        "only an installer may write it",
        f"demo-1.0.data/purelib/{INFO}/RECORD",
    ),
]

PLACES = [
    Case(name, files(path), what, path)
    for name, path, what in (
        ("unknown key", "demo-1.0.data/evil/x", "'evil' is no key of a .data folder"),
        ("no key", "demo-1.0.data/x", "it stands beside the keys of the .data folder"),
        (
            "spelled otherwise",
            "Demo-1.0.data/data/share/x",
            f"its folder is not spelled as {INFO} is",
        ),
        (
            "python as a script",
            "demo-1.0.data/scripts/python3",
            "the command 'python3' is reserved for the environment itself",
        ),
        (
            "python as data",
            "demo-1.0.data/data/bin/Python",
            "the command 'Python' is reserved for the environment itself",
        ),
        (
            "activate",
            "demo-1.0.data/scripts/activate.csh",
            "the command 'activate.csh' is reserved for the environment itself",
        ),
        (
            "envc",
            "demo-1.0.data/scripts/envc",
            "the command 'envc' is reserved for the environment itself",
        ),
        (
            "pyvenv.cfg",
            "demo-1.0.data/data/pyvenv.cfg",
            "'pyvenv.cfg' is reserved for the environment itself",
        ),
        (
            "lease",
            "demo-1.0.data/data/.lease",
            "'.lease' is reserved for the environment itself",
        ),
        (
            "outside of site-packages",
            "demo-1.0.data/data/lib/python3.11/os.py",
            "it would stand beside or outside of site-packages",
        ),
        (
            "another Python",
            "demo-1.0.data/data/lib/python2.7/site-packages/x.py",
            "it would stand beside or outside of site-packages",
        ),
        (
            "file for a folder",
            "demo-1.0.data/data/share",
            "it is a file where an environment has a folder",
        ),
        (
            "envc's own names",
            "_envc_start.py",
            "names that begin with '_envc_' are reserved for envc",
        ),
        (
            "envc's own names, through data",
            f"demo-1.0.data/data/lib/python{PYTHON}/site-packages/_envc_start.py",
            "names that begin with '_envc_' are reserved for envc",
        ),
        (
            "file for bytecode",
            "demo/__pycache__",
            "a file may not stand where bytecode goes",
        ),
    )
]

POINTS = f"{INFO}/entry_points.txt"
SCRIPTS = [
    Case(name, scripts(line), what, POINTS)
    for name, line, what in (
        ("script with a path", "../evil = demo:main", "'../evil' cannot be the name of a script"),
        ("absolute script", "/bin/sh = demo:main", "'/bin/sh' cannot be the name of a script"),
        ("parent as a script", ".. = demo:main", "'..' cannot be the name of a script"),
        (
            "python as entry point",
            "python = demo:main",
            "the command 'python' is reserved for the environment itself",
        ),
        (
            "injection in module",
            "demo = demo;evil:main",
            "the script 'demo' refers to 'demo;evil:main', not to module:attribute",
        ),
        (
            "injection by newline",
            "demo = demo:main\n  import evil",
            "the script 'demo' refers to 'demo:main\\nimport evil', not to module:attribute",
        ),
        (
            "no attribute",
            "demo = demo",
            "the script 'demo' refers to 'demo', not to module:attribute",
        ),
        (
            "number as attribute",
            "demo = demo:1x",
            "the script 'demo' refers to 'demo:1x', not to module:attribute",
        ),
        ("no section", "\n]evil", "it does not parse as an INI file"),
    )
] + [
    Case(
        "script and entry point",
        lambda: pack(
            recorded(
                plain({"demo-1.0.data/scripts/demo": "x"}, console_scripts={"demo": "demo:main"})
            )
        ),
        "it is there twice",
        "bin/demo",
    )
]

CASES = [*NAMES, *KINDS, *ARCHIVES, *RECORDS, *CLAIMS, *PLACES, *SCRIPTS]


def ingest(folder: Path, content: bytes, filename: str = FILENAME) -> Store:
    path = folder / filename
    path.write_bytes(content)
    store = Store(str(folder / "store"))
    wheel = LockedWheel(filename=filename, digest=digest_of(content), path=str(path))
    store.ingest(
        [(str(path), wheel)],
        python=PYTHON,
        interpreter=sys.executable,
        reporter=SilentReporter(),
    )
    return store


def published(folder: Path) -> Sequence[str]:
    """Everything below the store, but for its two empty folders."""
    names = sorted(os.listdir(folder / "store"))
    assert names == ["tmp", "wheels"]
    return [*os.listdir(folder / "store/tmp"), *os.listdir(folder / "store/wheels")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_refused_by_name(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UntrustedError) as caught:
        ingest(tmp_path, case.build())
    assert str(caught.value) == case.message
    assert published(tmp_path) == []
    assert sorted(os.listdir(tmp_path)) == [FILENAME, "store"]


def test_honest_wheel_of_the_same_forge_is_accepted(tmp_path: Path) -> None:
    ingest(tmp_path, good())
    assert len(published(tmp_path)) == 1


def test_honest_data_descriptor_is_accepted(tmp_path: Path) -> None:
    entry = Entry(name=b"demo.py", content=X)
    numbers = struct.pack("<LLL", *(entry.fields()[name] for name in ("crc", "packed", "size")))
    build = demo(flags=DESCRIPTOR_FLAGS, local={"crc": 0, "size": 0, "packed": 0}, tail=numbers)
    ingest(tmp_path, build())
    assert len(published(tmp_path)) == 1


def test_file_name_that_is_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(UntrustedError) as caught:
        ingest(tmp_path, good(), "demo.whl")
    assert str(caught.value) == f"demo.whl: its file name is not that of a wheel{MEND}"


def test_other_digest_is_refused_before_anything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / FILENAME
    path.write_bytes(b"not even an archive")
    wheel = LockedWheel(filename=FILENAME, digest=digest_of(good()), path=str(path))
    with pytest.raises(UntrustedError) as caught:
        Store(str(tmp_path / "store")).ingest(
            [(str(path), wheel)],
            python=PYTHON,
            interpreter=sys.executable,
            reporter=SilentReporter(),
        )
    assert str(caught.value) == (
        f"{FILENAME} ({path}): the wheel's digest is {digest_of(path.read_bytes())}, "
        f"the lock says {digest_of(good())}\n"
        "  mend: remove the file and fetch it again; if it differs again, ask who serves it why"
    )
    assert published(tmp_path) == []


@pytest.mark.parametrize(
    ("limit", "value", "what"),
    [
        ("ENTRIES", 3, "it has more than 3 entries"),
        ("TOTAL_BYTES", 100, "it unpacks to more than 100 bytes"),
    ],
)
def test_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, what: str
) -> None:
    monkeypatch.setattr(store_limits, limit, value)
    with pytest.raises(UntrustedError) as caught:
        ingest(tmp_path, good())
    assert str(caught.value) == f"{FILENAME}: {what}{MEND}"
    assert published(tmp_path) == []


def test_bomb_by_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_limits, "RATIO_EXEMPT_BYTES", 2**16)
    bomb = plain({"demo.py": b"#" * 2**20})
    with pytest.raises(UntrustedError) as caught:
        ingest(tmp_path, pack(recorded(changed(bomb, "demo.py", method=DEFLATED))))
    assert str(caught.value) == f"{FILENAME}: it unpacks to more than 100 times its size{MEND}"


def test_many_faults_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    with pytest.raises(UntrustedError) as caught:
        ingest(tmp_path, files(*(f"_envc_{letter}.py" for letter in "abcdefghijkl"))())
    lines = [str(fault).partition("\n")[0] for fault in caught.value.faults]
    what = "names that begin with '_envc_' are reserved for envc"
    assert lines == [
        *(f"{FILENAME}, entry '_envc_{letter}.py': {what}" for letter in "abcdefghij"),
        f"{FILENAME}: 2 more faults",
    ]


def test_one_hostile_wheel_keeps_the_others_out(tmp_path: Path) -> None:
    paths = {}
    for filename, content in ((FILENAME, good()), ("evil-1.0-py3-none-any.whl", b"evil")):
        (tmp_path / filename).write_bytes(content)
        paths[filename] = (
            str(tmp_path / filename),
            LockedWheel(filename=filename, digest=digest_of(content), path="x"),
        )
    with pytest.raises(UntrustedError):
        Store(str(tmp_path / "store")).ingest(
            list(paths.values()),
            python=PYTHON,
            interpreter=sys.executable,
            reporter=SilentReporter(),
        )
    assert published(tmp_path) == []
