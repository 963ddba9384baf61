"""Memos: what is kept is found again by the same code, and by no other."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import envc
from envc.disk import code
from envc.disk.cache import Cache, CacheFolder, remove_oldest
from envc.disk.memo import Memo
from envc.disk.table import Table
from envc.model.value import value


@value
class Answer:
    text: str
    number: int = 0


Place = Callable[[Path], CacheFolder | Table]
PLACES: tuple[Place, ...] = (
    lambda root: CacheFolder(Cache(str(root)), "answers-v1"),
    lambda root: Table(f"{root}/answers-v1.sqlite", "answers"),
)


@pytest.fixture(params=PLACES, ids=["files", "table"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> CacheFolder | Table:
    place: Place = request.param
    return place(tmp_path / "cache")


def memo_in(rows: CacheFolder | Table) -> Memo[Answer]:
    return Memo(rows, Answer, rooms=("model",))


def test_what_was_kept_is_read_again(rows: CacheFolder | Table) -> None:
    memo = memo_in(rows)
    keys = [memo.key("a", number) for number in range(3)]
    assert memo.read(keys[0]) is None
    memo.write(keys[0], Answer("first"))
    memo.write_all({keys[0]: Answer("again"), keys[1]: Answer("é", 1)})
    assert memo_in(rows).read_all(keys) == {keys[0]: Answer("again"), keys[1]: Answer("é", 1)}


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"text": 1}', b'{"number": 1}', b"\xff", b"[" * 9999]
)
def test_what_is_no_such_value_is_absent(rows: CacheFolder | Table, content: bytes) -> None:
    memo = memo_in(rows)
    key = memo.key("a")
    rows.write({key: content})
    assert memo.read(key) is None


def test_one_wrong_bit_is_too_many(tmp_path: Path) -> None:
    memo = memo_in(PLACES[0](tmp_path))
    key = memo.key("a")
    memo.write(key, Answer("first"))
    path = tmp_path / "answers-v1" / key
    whole = path.read_bytes()
    assert memo.read(key) == Answer("first")
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert memo.read(key) is None
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert memo.read(key) is None


def test_a_place_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in PLACES:
        memo = memo_in(place(tmp_path / "file"))
        memo.write(memo.key("a"), Answer("first"))
        assert memo.read(memo.key("a")) is None


def test_a_kind_with_other_fields_is_another_kind(tmp_path: Path) -> None:
    rows = PLACES[0](tmp_path)
    old = memo_in(rows)
    old.write(old.key("a"), Answer("first"))

    @value
    class Answers:
        texts: tuple[str, ...]

    assert Memo(rows, Answers, rooms=("model",)).read(old.key("a")) is None


def test_the_oldest_goes_when_there_is_too_much(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    for number in range(6):
        cache.write(f"answers-v1/{number % 2}/{number}", b"x" * 100)
        os.utime(cache.path(f"answers-v1/{number % 2}/{number}"), (number, number))
    remove_oldest(cache.path("answers-v1"), 350)
    kept = [name for _, _, names in os.walk(tmp_path) for name in names]
    assert sorted(kept) == ["3", "4", "5"]


def test_a_cache_that_is_written_to_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr("envc.disk.cache.remove_oldest", looked.append)
    files = CacheFolder(Cache(str(tmp_path)), "answers-v1")
    files.write({f"{number}": b"" for number in range(2000)})
    assert 1 <= len(looked) <= 30
    assert set(looked) == {f"{tmp_path}/answers-v1"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An envc of two rooms, with memos of its own."""
    for room in ("one", "two"):
        (tmp_path / "envc" / room).mkdir(parents=True)
        (tmp_path / "envc" / room / "rule.py").write_text("ANSWER = 1\n")
        os.utime(tmp_path / "envc" / room / "rule.py", (1, 1))
    monkeypatch.setattr(code, "_PACKAGE", str(tmp_path / "envc"))
    return tmp_path


def key(*rooms: str) -> str:
    for told in (code.digest_of_code, code._sources, code._record):
        told.cache_clear()
    return Memo(CacheFolder(Cache("/nowhere"), "a-v1"), Answer, rooms=rooms).key("input")


def test_a_changed_module_gives_other_keys(package: Path) -> None:
    one, two, both = key("one"), key("two"), key("one", "two")
    assert len({one, two, both}) == 3
    rule = package / "envc" / "one" / "rule.py"
    rule.write_text("ANSWER = 2\n")
    assert key("one") != one
    assert key("one", "two") != both
    assert key("two") == two


@pytest.mark.parametrize("change", ["new", "gone", "renamed", "longer"])
def test_another_set_of_modules_gives_other_keys(package: Path, change: str) -> None:
    before = key("one")
    rule = package / "envc" / "one" / "rule.py"
    match change:
        case "new":
            (package / "envc" / "one" / "other.py").touch()
        case "gone":
            rule.unlink()
        case "renamed":
            rule.rename(rule.with_name("rules.py"))
        case "longer":
            rule.write_text("ANSWER = 10\n")
            os.utime(rule, (1, 1))
    assert key("one") != before


def test_an_installation_is_known_by_its_list(package: Path) -> None:
    """Two of the same content share what they keep, whenever they were installed."""
    record = package / f"envc-{envc.__version__}.dist-info" / "RECORD"
    record.parent.mkdir()
    lines = [
        f"envc/{room}/rule.py,sha256={room},11\nenvc/{room}/__pycache__/rule.pyc,,\n"
        for room in ("one", "two")
    ]
    record.write_text("".join(lines))
    before = key("one"), key("two")
    os.utime(package / "envc" / "one" / "rule.py", (2, 2))
    record.write_text("../bin/envc,sha256=x,1\n" + "".join(reversed(lines)))
    assert (key("one"), key("two")) == before
    record.write_text("".join(lines).replace("sha256=one", "sha256=uno"))
    assert key("one") != before[0]
    assert key("two") == before[1]


def test_code_that_cannot_be_seen_finds_nothing(package: Path) -> None:
    assert key("three") != key("three")
