"""Cycle after cycle of a site's life: nothing grows but what is kept on purpose.

Each cycle brings a release that was not there before, so that generations, stored trees, copies on
the stage and answers of the cache are new each time. What is kept on purpose: the audit logs, and
what the cache has computed, both bounded elsewhere, and a link for each number that was given.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.sweep import copied, remove
from faults.test_together import _READER, is_sound
from faults.world import SPEC, World, write_overlay
from support.sites import PYTHON, SITE_PACKAGES
from support.wheels import Recipe

pytestmark = pytest.mark.slow

# A cycle before is late at it: what it began with is still there.
_LATE = """\
import sys
print("up", flush=True)
number = sys.stdin.readline().strip()
import names.alpha, gamma
assert names.alpha.VERSION == number, names.alpha.VERSION
print("late", flush=True)
"""
_COMPUTED = ("digests-", "metadata-", "parsed-", "answers-", "check-", ".looked")
_ON_PURPOSE = ("audit.jsonl", "audit.1.jsonl")
_HOURS_SECONDS = 7_200


@dataclass(frozen=True)
class Amount:
    """What is there: files, folders and bytes below each place, and this process's descriptors."""

    files: dict[str, int]
    folders: dict[str, int]
    sizes: dict[str, int]
    descriptors: int


@pytest.fixture
def world(template: World, arena: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    found = copied(template, arena / "soak")
    (found.root / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(found.root / "tmp"))
    write_overlay(found)
    yield found
    remove(found.root)


def release(world: World, number: int) -> None:
    """Put a release of `alpha` into the index, for the one before the last; ask for it."""
    recipe = Recipe(
        name="alpha",
        version=f"{number}.0",
        files={"names/alpha/__init__.py": f"VERSION = '{number}.0'\n", "names/alpha/empty.py": ""},
    )
    recipe.build(world.wheels)
    for old in world.wheels.glob(f"alpha-{number - 2}.0-*"):
        old.unlink()
    text = SPEC.format(python=PYTHON, alpha=f"{number}.0")
    (world.site(1) / "envc.toml").write_text(text)


def cycle(world: World, number: int) -> None:
    release(world, number)
    world.done("lock", "--site", world.site(1))
    world.done(*world.materialize(1))
    world.done("overlay", "sync", "--dir", world.overlay, "--target", world.target)
    with late_process(world, number):
        scratch = world.root / "scratch"
        world.done("stage", world.overlay, "--to", scratch)
        for copy in scratch.glob("overlay-*"):  # no job is about to start in it
            then = os.stat(copy).st_mtime - _HOURS_SECONDS
            os.utime(copy, (then, then))
        for folder in (world.target, world.overlay):
            world.done("gc", "--target", folder, "--keep", 1)


@contextmanager
def late_process(world: World, number: int) -> Iterator[None]:
    """A process that imports only when the cycle is over."""
    process = subprocess.Popen(
        [world.overlay / "bin/python", "-c", _LATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield
    told, _ = process.communicate(f"{number}.0\n")
    assert told == "late\n"


@contextmanager
def reader(path: Path) -> Iterator[None]:
    """Somebody who reads a file all the time, and never misses it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _READER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield
    told, _ = process.communicate()
    seen, missing = map(int, told.split())
    assert seen > 0
    assert missing == 0


def amount(world: World) -> Amount:
    places = ("target", "overlay", "scratch", "cache", "home", "tmp", "site-1", "wheels")
    files, folders, sizes = {}, {}, {}
    for place in places:
        found = list(_walk(world.root / place))
        files[place] = sum(not path.is_dir() for path in found)
        folders[place] = sum(path.is_dir() for path in found)
        sizes[place] = sum(path.lstat().st_size for path in found if not path.is_dir())
    return Amount(files, folders, sizes, len(os.listdir("/proc/self/fd")))


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(_COMPUTED)]
        for name in (*folders, *names):
            path = Path(folder, name)
            is_gone = name.isdigit() and path.is_symlink()  # what noted it goes on in `current`
            if name not in _ON_PURPOSE and not name.startswith(_COMPUTED) and not is_gone:
                yield path


def soak(world: World, first: int, last: int) -> None:
    """What is there after `last` cycles is what was there after `first`."""
    for number in range(1, first + 1):
        cycle(world, number + 2)
    shown = world.target / "user" / SITE_PACKAGES / "names/beta.py"
    with reader(shown):
        before = amount(world)
        for number in range(first + 1, last + 1):
            cycle(world, number + 2)
        after = amount(world)
    assert after.files == before.files
    assert after.folders == before.folders
    assert after.descriptors == before.descriptors
    # Versions have more digits in the end.
    grown = {place: after.sizes[place] / max(1, before.sizes[place]) for place in after.sizes}
    assert all(ratio < 1.05 for ratio in grown.values()), grown
    assert os.listdir(world.root / "tmp") == []
    for folder in (world.target, world.overlay):
        is_sound(folder)


def test_some_cycles_leave_what_was_there_before(world):
    soak(world, 3, 6)


@pytest.mark.sweep
def test_many_cycles_leave_what_was_there_before(world):
    soak(world, 20, int(os.environ.get("ENVC_SOAK_CYCLES", "200")))
