"""What a run of 0.1 left that was killed, or has not ended: this release goes on from there."""

import os
import signal
from pathlib import Path

import pytest

from compat.worlds import World, edit, keep, kept, leftovers
from faults.sweep import remove, restore

pytestmark = [pytest.mark.slow, pytest.mark.compat]

# What 0.1 was about to do in an empty folder: the path that it would have made or renamed.
FIRST_RUN = {
    "the folder": "/target$",
    "its lock": r"/target/\.lock$",
    "its own envc": r"/target/bin/envc\.",
    "a stored wheel": "/store/wheels/[0-9a-f]{64}",
    "where it is": r"/target/location\.toml$",
    "a tree": r"/generations/\.staging.*/user/lib",
    "the generation": "/generations/000001$",
    "a name of a layer": "/target/user$",
    "the switch": "/target/current$",
}


def kill(world: World, pattern: str, *words: object) -> None:
    """Kill 0.1 before its first change of a path that matches."""
    process = world.old.stopped(signal.SIGKILL, pattern, *words)
    _, trouble = process.communicate()
    assert process.returncode == -signal.SIGKILL, (pattern, trouble)


def is_tidy(world: World, folder: Path) -> bool:
    """Whether gc leaves nothing of what was killed."""
    world.new.done("gc", "--target", folder, "--keep", 9)
    return not [
        *leftovers(folder),
        *os.listdir(folder / "trash"),
        *os.listdir(folder / "store/tmp"),
    ]


@pytest.fixture
def empty(world: World) -> World:
    """The world without its target."""
    remove(world.target)
    return world


@pytest.mark.parametrize("moment", FIRST_RUN)
def test_killed_in_its_first_materialize(empty: World, moment: str) -> None:
    """Such a folder is envc's own, whatever was made in it."""
    kill(empty, FIRST_RUN[moment], "materialize", "--target", empty.target)
    is_complete = empty.generation(1).exists()
    made = empty.materialize()
    assert made.changed
    assert empty.holds(1, made.generation) if is_complete else made.generation == 1
    assert empty.is_sound()
    assert is_tidy(empty, empty.target)


@pytest.mark.parametrize("moment", ["a tree", "a name of a layer", "the switch"])
def test_what_was_killed_in_its_first_materialize_is_uninstalled(empty: World, moment: str) -> None:
    kill(empty, FIRST_RUN[moment], "materialize", "--target", empty.target)
    empty.new.done("uninstall", "--target", empty.target)
    assert not empty.target.exists()


UPGRADE = {
    "a tree": r"/generations/\.staging.*/user/lib",
    "the generation": "/generations/000003$",
    "the switch": "/target/current$",
}


@pytest.mark.parametrize("moment", UPGRADE)
def test_killed_while_it_upgrades(world: World, moment: str) -> None:
    before = world.trees()
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    kill(world, UPGRADE[moment], "materialize", "--target", world.target)
    assert world.current() == 2
    assert world.is_sound()
    assert world.materialize().changed
    assert world.current() > 2
    assert world.is_sound()
    assert is_tidy(world, world.target)
    assert kept(before, world.trees())


CARE = {
    "gc": ("/trash/", ("gc", "--keep", 0)),
    "gc of the store": ("/store/wheels/", ("gc", "--keep", 0)),
    "rollback": ("/target/current$", ("rollback",)),
    "uninstall": ("/target/generations", ("uninstall",)),
}


@pytest.mark.parametrize("care", CARE)
def test_killed_while_it_takes_care(world: World, care: str) -> None:
    """What was begun is done again; or given up, and the target mended."""
    pattern, (verb, *words) = CARE[care]
    words = [verb, "--target", world.target, *words]
    kill(world, pattern, *words)
    copy = keep(world.target)
    world.new.done(*words)
    if verb == "uninstall":
        assert not world.target.exists()
    else:
        assert world.is_sound()
        assert is_tidy(world, world.target)
    restore(world.target, copy)
    world.materialize()
    world.new.done("repair", "--target", world.target, "--offline")
    assert world.is_sound()
    assert is_tidy(world, world.target)


@pytest.mark.parametrize("moment", [r"/generations/\.staging", "/generations/[0-9]+$", "/current$"])
def test_killed_while_it_syncs_an_overlay(world: World, moment: str) -> None:
    edit(world.plots / "overlay.toml", '"polars"', '"polars", "notebook"')
    before = world.current(world.plots)
    kill(world, f"/plots{moment}", "overlay", "sync", "--dir", world.plots)
    assert world.current(world.plots) == before
    report = world.new.json("overlay", "sync", "--dir", world.plots)
    assert (report["changed"], "notebook" in report["adds"]) == (True, True)
    assert world.new.json("verify", "--target", world.plots)["ok"]
    assert is_tidy(world, world.plots)
    again = world.old.json("overlay", "sync", "--dir", world.plots)
    assert (again["adds"], again["changed"] and world.alike) == (report["adds"], False)


def test_both_releases_wait_for_each_other(world: World) -> None:
    """While one of them is at work in a target, the other keeps out of it."""
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    words = ("materialize", "--target", world.target)
    first = world.old.stopped(signal.SIGSTOP, UPGRADE["the generation"], *words)
    try:
        assert os.WIFSTOPPED(os.waitpid(first.pid, os.WUNTRACED)[1])
        for verb in (
            words,
            ("gc", "--target", world.target),
            ("rollback", "--target", world.target),
        ):
            late = world.new.told(ENVC_LOCK_TIMEOUT="0").envc(*verb)
            assert late.status == 4, (verb, late.stderr)
            assert f"process {first.pid} " in late.stderr
    finally:
        first.send_signal(signal.SIGCONT)
        _, trouble = first.communicate()
    assert first.returncode == 0, trouble
    assert world.holds(3, world.materialize().generation)
    assert world.is_sound()
