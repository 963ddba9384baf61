"""Two who edit one overlay, folders that hold something, caches and terminals that cannot all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envc.overlays import build
from support.sites import envc, envc_process

pytestmark = pytest.mark.slow


def test_what_two_add_at_once_is_all_there(alice):
    command = [sys.executable, "-m", "envc", "overlay", "add", "--dir", str(alice)]
    both = [subprocess.Popen([*command, name]) for name in ("theme", "polars")]
    assert [each.wait() for each in both] == [0, 0]
    text = (alice / "overlay.toml").read_text()
    assert "theme" in text
    assert "polars" in text


def edited_meanwhile(monkeypatch, edit):
    """Have the spec edited by somebody else each time that the overlay is being locked."""
    ordinary = build.lock_overlay

    def locking(*args):
        edit()
        return ordinary(*args)

    monkeypatch.setattr(build, "lock_overlay", locking)


def test_what_is_edited_by_hand_meanwhile_is_kept(alice, monkeypatch):
    """The spec is edited while the overlay is locked: the addition is made to what it says now."""
    path = alice / "overlay.toml"

    def edit_once():
        if "by hand" not in path.read_text():
            path.write_text(f"{path.read_text()}# by hand\n")

    edited_meanwhile(monkeypatch, edit_once)
    answer = envc("overlay", "add", "theme", "--dir", alice)
    assert answer.status == 0
    assert "the spec was changed meanwhile" in answer.stderr
    assert "# by hand" in path.read_text()
    assert "theme" in path.read_text()


def test_who_never_stops_editing_is_told(alice, monkeypatch):
    path = alice / "overlay.toml"
    edited_meanwhile(monkeypatch, lambda: path.write_text(f"{path.read_text()}# more\n"))
    answer = envc("overlay", "add", "theme", "--dir", alice)
    assert answer.status == 2
    assert "was changed by somebody else meanwhile" in answer.stderr
    assert "theme" not in path.read_text()


@pytest.mark.parametrize("name", ["bin", "pyvenv.cfg", "lib64"])
@pytest.mark.parametrize("folder", [True, False])
def test_no_overlay_is_made_where_something_would_be_lost(built, tmp_path, name, folder):
    place = tmp_path / "mine"
    place.mkdir()
    (place / name).mkdir() if folder else (place / name).write_text("mine")
    (place / "notes.txt").write_text("mine")
    answer = envc("overlay", "init", "--dir", place, "--target", built.target)
    assert answer.status == 2
    assert f"the folder holds {name}" in answer.stderr
    assert sorted(path.name for path in place.iterdir()) == sorted([name, "notes.txt"])


def test_an_overlay_that_was_moved_says_where_it_is(alice):
    assert envc("overlay", "add", "theme", "--dir", alice).status == 0
    moved = alice.rename(alice.with_name("moved"))
    report = envc("overlay", "sync", "--dir", moved, "--json").json
    assert report["folder"] == str(moved)


@pytest.mark.parametrize("cache", ["a file", "not to be written"])
def test_a_cache_that_takes_nothing_stops_nobody(warm, tmp_path, monkeypatch, cache):
    place = tmp_path / "no-cache"
    if cache == "a file":
        place.write_text("")
    else:
        place.mkdir()
        (place / "wheels-v1").write_text("")
    monkeypatch.setenv("ENVC_CACHE_DIR", str(place))
    target = tmp_path / "target"
    answer = warm.envc("materialize", "--target", target)
    assert answer.status == 0, answer.stderr
    assert (target / "bin" / "envc").exists()
    assert warm.envc("verify", "--target", target).status == 0


def test_a_terminal_that_lacks_letters_gets_them_spelled(built):
    done = envc_process("tree", cwd=built.folder, environment={"PYTHONIOENCODING": "latin-1"})
    assert done.status == 0
    assert "\\u251c" in done.stdout


def test_a_site_in_a_pyproject_is_a_site(tmp_path):
    Path(tmp_path / "pyproject.toml").write_text("[tool.envc]\nversion = 1\n")
    answer = envc("init", tmp_path)
    assert answer.status == 2
    assert "there is a site already" in answer.stderr
    assert not os.path.exists(tmp_path / "envc.toml")
