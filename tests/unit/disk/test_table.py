import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from envc.disk.table import Table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "rows.sqlite"


def test_what_was_written_is_read(path: Path) -> None:
    table = Table(str(path), "rows")
    assert table.read(["a"]) == {}
    table.write({"a": b"one", "b": b"two" * 1000})
    table.write({"a": b"three"})
    assert table.read(["a", "b", "c"]) == {"a": b"three", "b": b"two" * 1000}
    assert Table(str(path), "others").read(["a"]) == {}


def test_many_keys_at_once(path: Path) -> None:
    table = Table(str(path), "rows")
    rows = {str(number): bytes([number % 256]) for number in range(2_000)}
    table.write(rows)
    assert table.read(rows) == rows


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(200)])
def test_a_torn_file_is_made_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    table = Table(str(path), "rows")
    assert table.read(["a"]) == {}
    table.write({"a": b"one"})
    assert table.read(["a"]) == {"a": b"one"}


def test_a_torn_row_is_absent(path: Path) -> None:
    Table(str(path), "rows").write({"a": b"one"})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET value = x'00'")
    connection.close()
    assert Table(str(path), "rows").read(["a"]) == {}


def test_a_place_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    table = Table(str(tmp_path / "file" / "rows.sqlite"), "rows")
    table.write({"a": b"one"})
    assert table.read(["a"]) == {}


def _write(path: str, number: int) -> None:
    for turn in range(20):
        Table(path, "rows").write({f"{number}-{turn}": bytes([number])})


@pytest.mark.slow
def test_processes_write_at_the_same_time(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(str(path), number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    keys = [f"{number}-{turn}" for number in range(3) for turn in range(20)]
    assert len(Table(str(path), "rows").read(keys)) == len(keys)
