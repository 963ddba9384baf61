import base64
import hashlib

import pytest

from envc.formats.installed_record import installed_record
from envc.model.manifest import Entry
from envc.store.archive import Member
from envc.store.record import listing_problems, read_record, verified
from envc.store.refusal import Problem, RefusedError

RECORD = "demo-1.0.dist-info/RECORD"


def encoded(algorithm: str, content: bytes) -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_strong_hashes_are_read_and_verified(algorithm: str) -> None:
    text = f'"a,b.py",{encoded(algorithm, b"xy")},\r\n{RECORD},,\r\n'
    rows = read_record(text.encode(), RECORD, {"a,b.py", RECORD}, unhashed=())
    assert list(verified([b"x", b"y"], "a,b.py", rows["a,b.py"])) == [b"x", b"y"]
    with pytest.raises(RefusedError) as caught:
        list(verified([b"x"], "a,b.py", rows["a,b.py"]))
    found = hashlib.new(algorithm, b"x").hexdigest()
    said = hashlib.new(algorithm, b"xy").hexdigest()
    what = f"its {algorithm} is {found}, RECORD says {said}"
    assert caught.value.problems == (Problem("a,b.py", what),)


def test_signatures_need_no_row_and_no_hash() -> None:
    signature = f"{RECORD}.jws"
    text = f"{signature},,\n{RECORD},,\n"
    assert read_record(text.encode(), RECORD, {signature, RECORD}, unhashed={signature}) == {}
    member = Member(
        signature, executable=False, size_bytes=3, packed_bytes=3, compression=0, crc=0, start=0
    )
    assert listing_problems({}, [member], {signature}) == []


@pytest.mark.parametrize("content", [b"\xff,,\n", b'"a,,\n', b'"a"b,,\n'])
def test_record_that_does_not_parse(content: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        read_record(content, RECORD, (), unhashed=())
    assert caught.value.problems == (Problem(RECORD, "it is not a CSV file in UTF-8"),)


ROW = f"demo/a.py,{encoded('sha256', b'')},0"
MEMBERS = {"demo/a.py", "demo/b/c.py", RECORD}


@pytest.mark.parametrize(
    "text",
    [
        f"{ROW}\n{ROW}\n{RECORD},,\n{RECORD},,\n",
        f"demo/,,\ndemo,,\ndemo/b/,{encoded('sha256', b'')},0\nempty/folder/,,\n./,,\n{ROW}\n",
        f"demo\\b\\,,\n{ROW.replace('/', chr(92), 1)}\n{RECORD.replace('/', chr(92))},,\n",
        f"./{ROW}\n././{RECORD},,\n{ROW}\n",
        f"demo//a.py{ROW.removeprefix('demo/a.py')}\n",
        f"{ROW}\ndemo/__pycache__/a.cpython-311.pyc,,\ndemo/a.pyo,sha256=old,7\n",
    ],
)
def test_harmless_spellings_of_tools_are_read(text: str) -> None:
    rows = read_record(text.encode(), RECORD, MEMBERS, unhashed={RECORD})
    assert list(rows) == ["demo/a.py"]
    assert rows["demo/a.py"].size_bytes == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{ROW}\n{ROW}1\n", Problem(RECORD, "it lists 'demo/a.py' twice, and differently")),
        ("demo/a.py/,,\n", Problem("demo/a.py", "RECORD gives no hash of it")),
        ("demo/b.py,,\n", Problem("demo/b.py", "RECORD gives no hash of it")),
    ],
)
def test_rows_that_say_nothing_of_a_file_are_refused(text: str, problem: Problem) -> None:
    with pytest.raises(RefusedError) as caught:
        read_record(text.encode(), RECORD, MEMBERS, unhashed={RECORD})
    assert caught.value.problems == (problem,)


def test_installed_record_is_in_order_of_its_own_paths() -> None:
    site = "lib/python3.11/site-packages"
    digest = hashlib.sha256(b"").hexdigest()
    value = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    paths = [
        "bin/demo",
        f"{site}/demo.py",
        f"{site}/a,b.py",
        f'{site}/the "best".py',
        "share/x",
        f"{site}/demo-1.0.dist-info/WHEEL",
    ]
    entries = [Entry("f", 0o444, 0, digest, path) for path in paths]
    assert installed_record(entries, f"{site}/{RECORD}").decode().splitlines() == [
        f"../../../bin/demo,{value},0",
        f"../../../share/x,{value},0",
        f'"a,b.py",{value},0',
        f"{RECORD},,",
        f"demo-1.0.dist-info/WHEEL,{value},0",
        f"demo.py,{value},0",
        f'"the ""best"".py",{value},0',
    ]
