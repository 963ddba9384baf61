import os
import pwd
from pathlib import Path

import pytest

from support.sites import envc


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    """A cache in which nothing was put for all tests."""
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "own-cache"))


def cache() -> Path:
    return Path(os.environ["ENVC_CACHE_DIR"])


def test_dir_prints_the_folder_whether_it_is_there_or_not():
    answer = envc("cache", "dir")
    assert (answer.status, answer.stdout, answer.stderr) == (0, f"{cache()}\n", "")
    assert not cache().exists()


def test_dir_without_a_choice_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("ENVC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert envc("cache", "dir").stdout == f"{tmp_path}/envc\n"


def test_json_tells_how_much_of_each_kind_there_is(site):
    site.done("lock")
    report = envc("cache", "dir", "--json").json
    assert (report["folder"], report["removed"]) == (str(cache()), False)
    assert set(report["parts"]) == {"digests-v1", "metadata-v1", "parsed-v1"}
    metadata = cache() / "metadata-v1"
    assert report["parts"]["metadata-v1"] == {
        "files": len(os.listdir(metadata)),
        "size_bytes": sum(path.stat().st_size for path in metadata.iterdir()),
    }
    assert report["files"] == sum(part["files"] for part in report["parts"].values())


def test_clean_removes_what_envc_kept_and_nothing_else(site):
    site.done("lock")
    (cache() / "check-v1.sqlite").write_bytes(b"x" * 2_080_000)
    for name in ("mine.txt", "wheels", "other-v1x"):
        (cache() / name).write_text("mine")
    elsewhere = site.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (cache() / "linked-v1").symlink_to(elsewhere)
    files = envc("cache", "dir", "--json").json["files"]
    answer = envc("cache", "clean")
    assert answer.status == 0
    assert answer.stderr == f"{cache()}: removed {files} files, 2.1 MB\n"
    assert sorted(os.listdir(cache())) == ["mine.txt", "other-v1x", "wheels"]
    assert (elsewhere / "file").exists()
    assert envc("cache", "clean").stderr == f"{cache()}: removed 0 files, 0.0 MB\n"
    assert site.done("lock", "--upgrade", "--json").json["changed"] is False


def test_the_cache_of_somebody_else_is_meant(monkeypatch, tmp_path):
    theirs, mine = tmp_path / "their's home", tmp_path / "mine"
    for home in (theirs, mine):
        (home / ".cache/envc/wheels-v1").mkdir(parents=True)
        (home / ".cache/envc/wheels-v1/file").write_text("x")
    theirs.chmod(0o777)
    monkeypatch.delenv("ENVC_CACHE_DIR")
    monkeypatch.setenv("HOME", str(theirs))
    entry = pwd.struct_passwd(("me", "x", os.geteuid(), os.getegid(), "", str(mine), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    answer = envc("cache", "clean")
    assert answer.status == 2
    assert answer.stdout == ""
    assert answer.stderr.endswith(
        f"error: nothing is removed: this cache is not yours alone, and {mine}/.cache/envc is used "
        f"instead\n   at: {theirs}/.cache/envc\n"
        f" help: clean yours with `ENVC_CACHE_DIR={mine}/.cache/envc envc cache clean`; this one "
        f"its owner cleans, with `ENVC_CACHE_DIR='{tmp_path}/their'\"'\"'s home/.cache/envc' envc "
        "cache clean`\n"
    )
    assert all((home / ".cache/envc/wheels-v1/file").exists() for home in (theirs, mine))
    monkeypatch.setenv("ENVC_CACHE_DIR", str(mine / ".cache/envc"))
    assert envc("cache", "clean").status == 0
    assert not (mine / ".cache/envc/wheels-v1").exists()
    assert (theirs / ".cache/envc/wheels-v1/file").exists()


def test_an_action_that_there_is_not():
    answer = envc("cache", "purge")
    assert answer.status == 2
    assert answer.stderr == "error: ACTION is 'purge'\n help: use one of dir, list, clean\n"


def test_no_action():
    answer = envc("cache")
    assert (answer.status, answer.stdout) == (2, "")


def test_list_tells_how_much_of_each_kind_there_is_and_the_bound(monkeypatch):
    (cache() / "wheels-v1/entry").mkdir(parents=True)
    (cache() / "wheels-v1/entry/file").write_bytes(b"x" * 1_200_000)
    (cache() / "check-v1.sqlite").touch()
    assert envc("cache", "list").stdout == (
        "check-v1.sqlite  1 file   0.0 MB\n"
        "wheels-v1        1 file   1.2 MB\n"
        "together         2 files  1.2 MB of 20 GB\n"
    )
    monkeypatch.setenv("ENVC_CACHE_SIZE", "0.5")
    assert envc("cache", "dir", "--json").json["most_bytes"] == 500_000_000
    monkeypatch.setenv("ENVC_CACHE_SIZE", "much")
    answer = envc("cache", "list")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: ENVC_CACHE_SIZE is 'much', which is no number of gigabytes\n"
            " help: set it to how much the cache may hold, or unset it\n"
        ),
    )
