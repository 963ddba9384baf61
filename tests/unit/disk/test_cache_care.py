"""The cache stays below its bound, and nobody loses what he uses."""

import os
import time
from pathlib import Path

import pytest

from envc.disk.cache import record_use
from envc.disk.cache_care import clean, trim
from envc.disk.locks import exclusive

DAY = 86_400


def put(cache: Path, place: str, *, days: float, size_bytes: int = 100) -> Path:
    """An entry that was used so many days ago."""
    entry = cache / place
    entry.mkdir(parents=True)
    (entry / "file").write_bytes(b"x" * size_bytes)
    then = time.time() - days * DAY
    os.utime(entry, (then, then))
    return entry


def standing(cache: Path) -> set[str]:
    return {path.name for part in cache.iterdir() if part.is_dir() for path in part.iterdir()}


def test_what_is_unused_longest_goes_until_the_rest_fits(tmp_path):
    for number, part in enumerate(("wheels-v1", "builds-v1", "git-v1", "cores-v1", "kits-v2"), 2):
        put(tmp_path, f"{part}/of-{number}", days=number)
    assert trim(str(tmp_path), 300) == [f"{tmp_path}/cores-v1/of-5", f"{tmp_path}/kits-v2/of-6"]
    assert standing(tmp_path) == {"of-2", "of-3", "of-4"}
    assert trim(str(tmp_path), 300) == []


def test_a_days_use_is_never_taken_away(tmp_path):
    put(tmp_path, "wheels-v1/today", days=0.5)
    put(tmp_path, "wheels-v1/before", days=1.5)
    trim(str(tmp_path), 0)
    assert standing(tmp_path) == {"today"}


def test_trees_of_bundles_go_together_and_what_is_bounded_already_stays(tmp_path):
    put(tmp_path, "bundles-v1/store", days=9)
    put(tmp_path, "metadata-v1/entry", days=9)
    put(tmp_path, "scripts-v1/entry", days=9)
    put(tmp_path, "mine/entry", days=9)
    os.utime(tmp_path / "bundles-v1", (0, 0))
    trim(str(tmp_path), 0)
    assert {path.name for path in tmp_path.iterdir()} == {
        ".going",
        "metadata-v1",
        "scripts-v1",
        "mine",
    }


def test_use_is_recorded_and_the_size_looked_at_once_an_hour(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_CACHE_SIZE", "0")
    used = put(tmp_path, "wheels-v1/used", days=3)
    put(tmp_path, "wheels-v1/first", days=3)
    record_use(str(tmp_path), str(used))
    assert standing(tmp_path) == {"used"}
    second = put(tmp_path, "wheels-v1/second", days=3)
    record_use(str(tmp_path), str(used))
    assert standing(tmp_path) == {"used", "second"}
    os.utime(tmp_path / ".looked", (0, 0))
    record_use(str(tmp_path), str(used))
    assert not second.exists()


def test_a_bound_that_is_no_number_stops_no_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_CACHE_SIZE", "much")
    used = put(tmp_path, "wheels-v1/used", days=3)
    record_use(str(tmp_path), str(used))
    assert used.exists()


@pytest.mark.parametrize("lock", [".lock", ".store-lock"])
def test_what_somebody_is_making_stays(tmp_path, lock):
    making = put(tmp_path, "cores-v1/.part-node-x", days=9)
    old = put(tmp_path, "cores-v1/old", days=9)
    with exclusive(str(making / lock)):
        os.utime(making, (0, 0))
        trim(str(tmp_path), 0)
        assert (making.exists(), old.exists()) == (True, False)
        clean(str(tmp_path))
        assert standing(tmp_path) == {".part-node-x"}
    clean(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("hours", "stays"), [(0.5, True), (2, False)])
def test_a_file_on_its_way_stays_for_an_hour(tmp_path, hours, stays):
    entry = put(tmp_path, "wheels-v1/entry", days=9)
    temporary = entry / "a.whl.0123456789ab.envc-tmp"
    temporary.touch()
    then = time.time() - hours * 3_600
    os.utime(temporary, (then, then))
    clean(str(tmp_path))
    assert entry.exists() == stays


def test_clean_follows_no_link(tmp_path):
    elsewhere = put(tmp_path, "elsewhere/entry", days=9)
    cache = tmp_path / "cache"
    (cache / "wheels-v1").mkdir(parents=True)
    (cache / "wheels-v1/link").symlink_to(elsewhere)
    (cache / "linked-v1").symlink_to(elsewhere)
    clean(str(cache))
    assert list(cache.iterdir()) == []
    assert (elsewhere / "file").exists()
