"""`envc overlay delete`; and who is told that what he stands on goes."""

import os
import pty
import subprocess
import sys

import pytest

from support.sites import envc

pytestmark = pytest.mark.slow


@pytest.fixture
def plots(alice):
    assert envc("overlay", "add", "theme", "--dir", alice).status == 0
    assert envc("overlay", "pack", "--dir", alice).status == 0
    return alice


def test_what_was_built_goes_and_the_spec_stays(plots):
    (plots / "notes.txt").write_text("mine")
    dry = envc("overlay", "delete", plots, "--dry-run")
    assert dry.stderr.startswith(f"{plots}: would remove ")
    assert (plots / "bin/python").exists()
    answer = envc("overlay", "delete", plots, "--yes")
    assert (answer.status, answer.stderr) == (0, dry.stderr.replace("would remove", "removed"))
    left = ["notes.txt", "overlay.toml", "pylock.alice.toml"]
    assert sorted(os.listdir(plots)) == left
    assert answer.stderr.endswith(f"  left there: {', '.join(left)}\n")


def test_it_can_be_built_again(plots, built):
    spec = (plots / "overlay.toml").read_text()
    lock = (plots / "pylock.alice.toml").read_text()
    envc("overlay", "delete", plots, "--yes")
    answer = envc("overlay", "sync", "--dir", plots, "--target", built.target)
    assert answer.status == 0, answer.stderr
    assert (plots / "overlay.toml").read_text() == spec
    assert (plots / "pylock.alice.toml").read_text() == lock


def test_with_its_spec_all_of_it_goes(plots):
    report = envc("overlay", "delete", plots, "--spec", "--yes", "--json").json
    assert (report["folder"], report["left"], report["dry_run"]) == (str(plots), [], False)
    assert not plots.exists()
    answer = envc("overlay", "delete", plots, "--spec", "--yes")
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        2,
        "error: there is no such overlay",
    )


def test_one_that_is_run_from_stays(plots):
    with subprocess.Popen(
        [plots / "bin/python", "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        answer = envc("overlay", "delete", plots, "--yes")
        process.communicate(b"\n")
    assert answer.status == 1
    assert answer.stderr.startswith("error: running processes use generation 2\n")
    assert (plots / "bin/python").exists()


def test_nobody_is_asked_where_there_is_no_terminal(plots):
    answer = envc("overlay", "delete", plots)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: nobody can be asked whether this overlay is to go\n"
            f"   at: {plots}\n"
            " help: say so with --yes; --dry-run tells what would go\n"
        ),
    )
    assert envc("overlay", "delete", "--yes").status == 2
    assert (plots / "bin/python").exists()


@pytest.mark.parametrize(("said", "goes"), [(b"y\n", True), (b"\n", False)])
def test_a_person_at_a_terminal_is_asked(plots, said, goes):
    ours, theirs = pty.openpty()
    os.write(ours, said)
    words = [sys.executable, "-m", "envc", "overlay", "delete", str(plots)]
    done = subprocess.run(words, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.stderr.startswith(f"remove {plots}, but for its spec? [y/N] ")
    assert (done.returncode, (plots / "bin").exists()) == (0, not goes)


def test_a_target_is_no_overlay(built):
    answer = envc("overlay", "delete", built.target, "--yes")
    assert answer.status == 2
    assert built.target.exists()


@pytest.fixture
def stood_on(warm):
    """A target with two generations; ann's overlay stands on the first of them."""
    warm.materialize()
    words = ("--dir", warm.storage / "ann" / "plots", "--target", warm.target)
    warm.done("overlay", "init", *words)
    warm.edit('"report"', '"report", "theme"')
    warm.done("lock")
    warm.materialize()
    return warm


def test_gc_tells_who_stands_on_what_goes(stood_on):
    words = ("gc", "--target", stood_on.target, "--keep", 1, "--days", 0)
    told = f"  {stood_on.storage}/ann/plots stands on generation 1: it needs `envc overlay sync`\n"
    assert told in envc(*words, "--dry-run").stderr
    assert envc(*words, "--json").json["overlays"] == {f"{stood_on.storage}/ann/plots": 1}
    assert envc(*words, "--json").json["overlays"] == {}


def test_uninstall_tells_who_stands_on_it(stood_on):
    words = ("uninstall", "--target", stood_on.target)
    assert envc(*words, "--dry-run").stderr.endswith(
        f"  {stood_on.storage}/ann/plots stands on it\n"
    )
    assert envc(*words, "--json").json["overlays"] == [f"{stood_on.storage}/ann/plots"]


def test_uninstall_of_an_overlay_names_what_does_it(plots):
    answer = envc("uninstall", "--target", plots)
    assert answer.status == 2
    assert f" help: remove it with `envc overlay delete {plots}`\n" in answer.stderr
