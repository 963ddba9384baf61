"""Wheels that lie about themselves: RECORD, `.dist-info`, WHEEL, METADATA, file name."""

from hashlib import sha256, sha512

from hostile.forge import DATA, INFO, RECORD, Entry, changed, pack, plain, recorded
from hostile.scene import (
    Build,
    Case,
    NearMiss,
    Scene,
    X,
    Y,
    each_accepted,
    each_refused,
    files,
    good,
    metadata,
    record,
)

FIELDS = "it is not a CSV file in UTF-8"
OTHER_RELEASE = "it belongs to another release than the file name: demo 1.0"
INSTALLER = "only an installer may write it"
FOREIGN = "it would be the metadata of another distribution"
ABSENT = "the wheel does not hold it"


def other() -> bytes:
    """An honest wheel that the store does not have."""
    return pack(recorded(plain({"demo.py": Y})))


def replaced(old: str, new: str) -> Build:
    return record(lambda text: text.replace(old, new))


def row(text: str) -> Build:
    """A wheel whose RECORD has another first row, that of demo.py."""
    return record(lambda whole: text + "\n" + whole.partition("\n")[2])


def further(text: str) -> Build:
    """A wheel whose RECORD has a further row."""
    return record(lambda whole: whole + text + "\n")


def without(name: str) -> Build:
    return lambda: pack(recorded([e for e in plain() if e.name.decode() != f"{INFO}/{name}"]))


RECORDS = [
    Case("no RECORD", lambda: pack(plain()), ABSENT, RECORD),
    Case(
        "empty RECORD",
        lambda: pack([*plain(), Entry(name=RECORD.encode())]),
        "RECORD does not list it",
        f"{INFO}/METADATA",
        also=(
            ("RECORD does not list it", f"{INFO}/WHEEL"),
            ("RECORD does not list it", "demo.py"),
        ),
    ),
    Case(
        "wrong hash",
        lambda: pack(changed(recorded(plain()), "demo.py", content=Y)),
        f"its sha256 is {sha256(Y).hexdigest()}, RECORD says {sha256(X).hexdigest()}",
        "demo.py",
    ),
    Case(
        "wrong hash of METADATA",
        lambda: pack(
            changed(
                recorded(plain()),
                f"{INFO}/METADATA",
                content=plain()[2].content.replace(b"2.4", b"2.3"),
            )
        ),
        f"its sha256 is {sha256(plain()[2].content.replace(b'2.4', b'2.3')).hexdigest()}, "
        f"RECORD says {sha256(plain()[2].content).hexdigest()}",
        f"{INFO}/METADATA",
    ),
    Case(
        "wrong sha512",
        row(f"demo.py,sha512={sha512(Y).hexdigest()},6"),
        f"its sha512 is {sha512(X).hexdigest()}, RECORD says {sha512(Y).hexdigest()}",
        "demo.py",
    ),
    Case("wrong size", replaced(",6\n", ",7\n"), "it has 6 bytes, RECORD says 7", "demo.py"),
    *(
        Case(
            f"size {size[:9]}",
            replaced(",6\n", f",{size}\n"),
            f"RECORD gives a size of it that is no number: {size[:80]!r}",
            "demo.py",
        )
        for size in ("-6", "6.0", "0x6", " 6", "\u0666", "9" * 5000)
    ),
    Case(
        "unlisted",
        lambda: pack([*recorded(plain()), Entry(name=b"evil.py")]),
        "RECORD does not list it",
        "evil.py",
    ),
    Case(
        "absent",
        further("evil.py,sha256=" + "A" * 43 + ",0"),
        "RECORD lists it, but the wheel does not hold it",
        "evil.py",
    ),
    Case(
        "listed twice",
        further("demo.py,sha256=" + "A" * 43 + ",6"),
        "it lists 'demo.py' twice, and differently",
        RECORD,
    ),
    *(
        Case(f"row {path!r}", further(text or f"{path},,"), f"of its row {path!r}: {what}", RECORD)
        for path, what, text in (
            ("../evil.py", "its path leads out of the tree", ""),
            ("/etc/evil.py", "its path is absolute", ""),
            ("..\\evil.pyc", "its path leads out of the tree", ""),
            ("a/../../evil/", "its path leads out of the tree", ""),
            ("//evil.py", "its path is absolute", ""),
            ("\\evil\\", "its path is absolute", ""),
            ("C:\\evil.py", "its path is absolute", ""),
            ("", "it has no name", ""),
            ("x\ny.py", "its name holds a control character", '"x\ny.py",,'),
        )
    ),
    Case("no hash", row("demo.py,,"), "RECORD gives no hash of it", "demo.py"),
    *(
        Case(
            algorithm,
            row(f"demo.py,{algorithm}=AAAA,6"),
            f"RECORD gives a hash of it that is too weak or unknown: {algorithm!r}",
            "demo.py",
        )
        for algorithm in ("md5", "sha1", "SHA256", "crc32", "")
    ),
    *(
        Case(
            f"torn hash {value[:9]}",
            row(f"demo.py,sha256={value},6"),
            f"RECORD gives a hash of it that cannot be read: {('sha256=' + value)[:80]!r}",
            "demo.py",
        )
        for value in ("AAAA", "", "*" * 43, "zz" * 32, " " * 64)
    ),
    Case(
        "hash of itself",
        replaced(f"{RECORD},,", f"{RECORD},sha256=A,1"),
        "it gives a hash or a size of itself",
        RECORD,
    ),
    Case(
        "two fields",
        further("demo.py,"),
        "its row 'demo.py,' has not three fields",
        RECORD,
    ),
    Case("open quote", further('"evil.py,,'), FIELDS, RECORD),
    Case("NUL", further("\0,,"), "of its row '\\x00': its name holds a control character", RECORD),
    Case(
        "not UTF-8",
        lambda: pack(
            changed(recorded(plain()), RECORD, content=recorded(plain())[-1].content + b"\xff,,\n")
        ),
        FIELDS,
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
        "two spellings of one dist-info",
        files("demo.py", "demo-1.0.0.dist-info/METADATA"),
        f"it must have one .dist-info folder; it has demo-1.0.0.dist-info and {INFO}",
    ),
    Case(
        "no dist-info",
        lambda: pack([Entry(name=b"demo.py")]),
        "it must have one .dist-info folder; it has none",
    ),
    Case(
        "dist-info of another release",
        lambda: pack([Entry(name=b"demo-2.0.dist-info/RECORD")]),
        OTHER_RELEASE,
        "demo-2.0.dist-info",
    ),
    Case(
        "data of another release",
        files("demo.py", "evil-1.0.data/purelib/x.py"),
        OTHER_RELEASE,
        "evil-1.0.data",
    ),
    *(
        Case(name, files(path), FOREIGN, path)
        for name, path in (
            ("hidden dist-info", f"{DATA}/purelib/evil-1.0.dist-info/METADATA"),
            ("dist-info by platlib", f"{DATA}/platlib/pip-99.dist-info/METADATA"),
            ("dist-info in other case", "evil-1.0.DIST-INFO/METADATA"),
            ("egg-info", "evil.egg-info/PKG-INFO"),
            ("egg-info as a file", "evil.egg-info"),
        )
    ),
    *(
        Case(f"no {name}", without(name), ABSENT, f"{INFO}/{name}")
        for name in ("WHEEL", "METADATA")
    ),
    *(
        Case(f"WHEEL {number}", metadata("WHEEL", text), what, f"{INFO}/WHEEL")
        for number, (text, what) in enumerate(
            (
                ("", "it gives no Wheel-Version"),
                ("Generator: x\n", "it gives no Wheel-Version"),
                ("\nWheel-Version: 1.0\n", "it gives no Wheel-Version"),
                ("Wheel-Version: 2.0\n", "it has Wheel-Version 2.0; only 1.x is known"),
                ("Wheel-Version: 10\n", "it has Wheel-Version 10; only 1.x is known"),
                (
                    "Wheel-Version: 1.0\nWheel-Version: 2.0\n",
                    "it has Wheel-Version 1.0 and 2.0; only 1.x is known",
                ),
            )
        )
    ),
    *(
        Case(f"METADATA {number}", metadata("METADATA", text), what, f"{INFO}/METADATA")
        for number, (text, what) in enumerate(
            (
                ("", "it names no project or no version"),
                ("Metadata-Version: 2.4\nName: demo\n", "it names no project or no version"),
                (
                    "Name: evil\nName: demo\nVersion: 1.0\n",
                    "it is about evil 1.0, the file name about demo 1.0",
                ),
                (
                    "Name: evil\nVersion: 1.0\n",
                    "it is about evil 1.0, the file name about demo 1.0",
                ),
                (
                    "Name: demo\nVersion: 1.1\n",
                    "it is about demo 1.1, the file name about demo 1.0",
                ),
                ("Name: demo\nVersion: x\n", "it is about demo x, the file name about demo 1.0"),
            )
        )
    ),
    *(
        Case(f"forged {name}", files("demo.py", f"{INFO}/{name}"), INSTALLER, f"{INFO}/{name}")
        for name in ("INSTALLER", "REQUESTED", "direct_url.json")
    ),
    *(
        Case(f"forged through .data: {path}", files(path), INSTALLER, path)
        for path in (f"{DATA}/purelib/{INFO}/RECORD", f"{DATA}/platlib/{INFO}/INSTALLER")
    ),
    *(
        Case(
            f"file name {name}",
            other,
            "its file name is not that of a wheel",
            filename=name,
        )
        for name in ("demo.whl", "demo-1.0-py3-none-any.zip", "demo-x-py3-none-any.whl")
    ),
    Case(
        "file name of another project",
        other,
        "it belongs to another release than the file name: other 1.0",
        INFO,
        filename="other-1.0-py3-none-any.whl",
    ),
]

HEXADECIMAL = f"demo.py,sha256={sha256(X).hexdigest()},6"
LEGAL = [
    NearMiss("sha512", row(f"demo.py,sha512={sha512(X).hexdigest()},6")),
    NearMiss("hash in hexadecimal", row(HEXADECIMAL)),
    NearMiss("no size", replaced(",6\n", ",\n")),
    NearMiss("lines of Windows", replaced("\n", "\r\n")),
    NearMiss("no last newline", record(str.rstrip)),
    NearMiss("empty row", further("")),
    NearMiss("quoted rows", replaced("demo.py,", '"demo.py",')),
    NearMiss("RECORD does not list itself", replaced(f"{RECORD},,\n", "")),
    NearMiss(
        "signature",
        lambda: pack([*recorded(plain()), Entry(name=f"{RECORD}.jws".encode(), content=b"{}")]),
    ),
    NearMiss("wheel 1.9", metadata("WHEEL", "Wheel-Version: 1.9\n")),
    NearMiss("other spelling of the name", metadata("METADATA", "Name: DEMO\nVersion: 1\n")),
    NearMiss("long description", metadata("METADATA", "Name: demo\nVersion: 1\n\nName: x\n")),
    NearMiss(
        "dist-info of a vendored project",
        files("demo.py", "demo/_vendor/evil-1.0.dist-info/METADATA"),
    ),
    NearMiss("licences", files("demo.py", f"{INFO}/licenses/LICENSE")),
]


test_is_refused_by_name = each_refused([*RECORDS, *CLAIMS])
test_near_miss_is_accepted = each_accepted(LEGAL)


def test_build_tag_and_compressed_tags_are_a_file_name(outbox: Scene) -> None:
    name = outbox.ingest(good(), "demo-1.0-7_x-py2.py3-none-any.whl")
    assert (outbox.store / "wheels" / name / "manifest").exists()
