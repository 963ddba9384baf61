"""Processes that were started in what 0.1 made go on, whatever this release does meanwhile."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence

import pytest

from compat.releases import answer_of
from compat.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.compat]

# Waits for a line; then imports what it has not imported yet, and has a child do so.
WAITS = """\
import subprocess, sys
print("ready", flush=True)
sys.stdin.readline()
import scipy, numpy
code = "import numpy; print(numpy.__file__)"
child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
print(scipy.__version__, scipy.__file__, numpy.__file__, child.stdout.strip(), sys.prefix)
"""

Start = Callable[[Sequence[object]], "subprocess.Popen[str]"]


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """Starts a program that has a Python run `WAITS`; returns it when it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(words: Sequence[object]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*map(str, words), "-c", WAITS],
            env=world.old.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def went_on(process: "subprocess.Popen[str]") -> list[str]:
    """What a process says that goes on now: scipy's version, the files, its prefix."""
    out, _ = process.communicate("go\n")
    assert process.returncode == 0
    return out.split()


def upgrade(world: World) -> None:
    """Everything moves on, and all that nothing keeps goes."""
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    assert world.materialize().generation == 3
    user = world.new.within(world.root)
    assert user.json("overlay", "sync", "--dir", world.plots)["changed"]
    kept = user.json("gc", "--target", world.target, "--keep", 0)["kept"]
    assert kept == {"2": "in use", "3": "current"}
    user.done("gc", "--target", world.plots, "--keep", 0)


def test_in_a_generation(world: World, start: Start) -> None:
    """Started by its name, and by 0.1 itself."""
    envc = [world.old.python, "-m", "envc", "run", "--target", world.target, "--layer", "user"]
    running = [start([world.target / "user/bin/python"]), start([*envc, "--", "python"])]
    upgrade(world)
    for process in running:
        version, scipy, numpy, childs, prefix = went_on(process)
        assert (version, prefix) == ("1.11.0", f"{world.generation(2)}/user")
        assert all(path.startswith(f"{prefix}/lib/") for path in (scipy, numpy, childs))
    assert world.is_sound()
    assert world.new.json("gc", "--target", world.target, "--keep", 0)["removed"] == [2]


def test_in_an_overlay(world: World, start: Start) -> None:
    """Its own generation is kept, and that of its base."""
    number = world.current(world.plots)
    place = world.plots / f"generations/{number:06d}"
    envc = [world.old.python, "-m", "envc", "run", "--overlay", world.plots, "--", "python"]
    running = [start([world.plots / "bin/python"]), start(envc)]
    upgrade(world)
    assert world.current(world.plots) != number
    for process in running:
        version, scipy, numpy, childs, prefix = went_on(process)
        assert (version, prefix) == ("1.14.0", str(place))
        assert all(path.startswith(f"{prefix}/lib/") for path in (scipy, numpy, childs))
    assert world.new.json("gc", "--target", world.target, "--keep", 0)["removed"] == [2]
    assert number in world.new.json("gc", "--target", world.plots, "--keep", 0)["removed"]


def test_a_job_that_was_begun_is_continued(world: World) -> None:
    """What 0.1 told its job leads the processes that it starts later to the same generation."""
    layer = ("--target", world.target, "--layer", "user", "--")
    lines = world.old.done("run", *layer, "env").stdout.splitlines()
    names = ("ENVC_", "PATH=", "VIRTUAL_ENV=")
    told = dict(line.split("=", 1) for line in lines if line.startswith(names))
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    world.materialize()
    code = "import scipy, sys; print(scipy.__version__, sys.prefix)"
    python = [world.target / "user/bin/python", "-c", code]
    late = answer_of(python, environment={**os.environ, **told})
    assert late.stdout == f"1.11.0 {world.generation(2)}/user\n"
    run = world.new.within(world.root).told(**told)
    assert run.done("run", *layer, "python", "-c", code).stdout == late.stdout


def test_a_target_that_is_in_use_is_not_uninstalled(world: World, start: Start) -> None:
    process = start([world.target / "user/bin/python"])
    refused = world.new.envc("uninstall", "--target", world.target)
    assert (refused.status, "generation 2" in refused.stderr) == (1, True), refused.stderr
    assert went_on(process)[0] == "1.11.0"
    world.new.done("uninstall", "--target", world.target)
