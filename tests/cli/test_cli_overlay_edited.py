"""Sources of an overlay that somebody edited: named by `envc run`, which only glances at them."""

import itertools
import os

import pytest

from envc.commands.run import RunOptions, prepare
from envc.host.context import Context
from envc.ports import SilentReporter
from envc.target.by_hand import Edited, edited_sources
from envc.target.directory import Directory, Shape
from support.sites import SITE_PACKAGES, envc

pytestmark = pytest.mark.slow


class Heard(SilentReporter):
    """Remembers what a person would have been told."""

    def __init__(self):
        self.warned, self.noted = [], []

    def warn(self, message):
        self.warned.append(message)

    def note(self, message):
        self.noted.append(message)


@pytest.fixture
def alice(built, tmp_path):
    folder = tmp_path / "alice"
    for words in (("init", "--target", built.target), ("add", "theme", "polars")):
        answer = envc("overlay", *words, "--dir", folder)
        assert answer.status == 0, answer.stderr
    return folder


def looked(folder, **options):
    directory = Directory(str(folder), Shape.OVERLAY)
    return edited_sources(directory, directory.current(), **options)


def source(folder, name):
    return folder / "current" / SITE_PACKAGES / name / "__init__.py"


def edit(path, *, anew=False):
    """Write to a published file: in place, or as editors do, another in its place."""
    if anew:
        path.unlink()
    else:
        path.chmod(0o644)
    path.write_text("# mine\n")


def run(folder, **options):
    heard = Heard()
    prepare(RunOptions(overlay=str(folder)), os.environ, Context(reporter=heard), **options)
    return heard


@pytest.mark.parametrize("anew", [False, True])
def test_run_names_what_was_edited(alice, anew):
    edit(source(alice, "theme"), anew=anew)
    heard = run(alice)
    (warning,) = heard.warned
    assert warning == (
        f"edited by hand: {SITE_PACKAGES}/theme/__init__.py; Python goes on with the bytecode of "
        f"what was published; `envc repair --overlay {alice}` brings that back, and `envc overlay "
        "add -e` takes a project of yours from where you edit it"
    )
    assert envc("repair", "--target", alice).status == 0
    assert run(alice).warned == []


def test_only_some_of_many_are_named(alice):
    folder = source(alice, "theme").parent
    sources = sorted((alice / "current" / SITE_PACKAGES).glob("*.py"))
    for path in (*sources, source(alice, "theme"), source(alice, "polars")):
        edit(path, anew=True)
    found = looked(alice, seconds=60)
    assert found.is_complete
    assert len(found.paths) == len(sources) + 2
    assert f" and {len(found.paths) - 3} more; " in found.said("DIR")
    assert folder.is_dir()


def test_what_programs_write_at_run_time_is_no_edit(alice):
    cache = source(alice, "theme").parent / "__pycache__"
    (cache / "__init__.cpython-311.opt-1.pyc").write_bytes(b"")
    (cache / "kernel.py").write_text("")
    (source(alice, "theme").parent / "data.nbi").write_bytes(b"")
    assert run(alice).warned == []


def test_what_was_added_is_told_by_others(alice):
    (source(alice, "theme").parent / "added.py").write_text("")
    (alice / "current" / SITE_PACKAGES / "link.py").symlink_to("/gone")
    assert looked(alice, seconds=60) == Edited((), is_complete=True)


def test_it_ends_in_time_and_says_that_it_saw_only_a_part(alice):
    edit(source(alice, "theme"))
    assert looked(alice, seconds=2, clock=itertools.count().__next__).is_complete is False
    heard = run(alice, clock=itertools.count().__next__)
    assert heard.warned == []
    (note,) = heard.noted
    assert note == (
        "not all sources of alice were looked at for edits by hand: that would take more than "
        f"20 ms; `envc doctor --overlay {alice}` does it"
    )
    found = {d["name"]: d for d in envc("doctor", "--overlay", alice, "--json").json["diagnoses"]}
    assert "theme/__init__.py" in found["overlay: sources"]["what"]


def test_folders_that_changed_last_come_first(alice):
    """A glance that sees two folders sees the one in which an editor wrote."""
    edit(source(alice, "theme"), anew=True)
    top = sum(1 for each in os.scandir(alice / "current" / SITE_PACKAGES) if each.is_dir())
    sources = len(list((alice / "current" / SITE_PACKAGES).glob("*.py")))
    looks = itertools.count().__next__
    found = looked(alice, seconds=top + sources + 1, clock=looks)
    assert found.paths == (f"{SITE_PACKAGES}/theme/__init__.py",)


def test_no_base_is_looked_at(alice, monkeypatch):
    seen = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: seen.append(str(path)) or scandir(path))
    looked(alice, seconds=60)
    assert seen
    assert all(path.startswith(f"{alice}/generations/") for path in seen)
