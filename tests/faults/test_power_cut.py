"""The power is cut at each boundary of durability; what is on the disk is mounted again.

envc stops before each fsync, syncfs and rename; the image that its target is on is copied, which
holds exactly what has reached the disk. That is done a second time after an unrelated fsync on the
same file system: it makes every rename durable, and only what envc itself has flushed with it (a
rename without a flush before it then leaves an empty file under its final name).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from faults import images
from faults.oracle import incomplete, violations
from faults.processes import Processes, needs_strace
from faults.sweep import copied
from faults.world import OPERATIONS, Operation, World
from support.sites import Answer

pytestmark = [needs_strace, pytest.mark.slow, pytest.mark.usefixtures("can_mount")]

_BOUNDARIES = "fsync,?fdatasync,?syncfs,?rename,?renameat,?renameat2"
_STOPPED = "--- stopped by SIGSTOP ---"
_PATIENCE_SECONDS = 60

_EXT4 = pytest.param("ext4", 64, marks=images.needs("ext4"))
_XFS = pytest.param("xfs", images.XFS_MEBIBYTES, marks=images.needs("xfs"))


def boundaries(processes: Processes, words: list[object], log: Path) -> Iterator[int]:
    """Run envc; yields the number of each boundary while it stands before it."""
    log.unlink(missing_ok=True)
    inject = f"inject={_BOUNDARIES}:signal=SIGSTOP:when=1+"
    strace = ["-o", str(log), "-e", f"trace={_BOUNDARIES}", "-e", inject]
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(processes.run, *words, strace=strace)
        for number in range(1, 1000):
            if not stands(ending, log, number):
                break
            yield number
            os.kill(processes.traced(), signal.SIGCONT)
        assert ending.result().status == 0, ending.result().stderr


def stands(ending: "Future[Answer]", log: Path, number: int) -> bool:
    """Wait until envc has stopped for the `number`-th time; False: it has ended."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if log.exists() and log.read_text(errors="replace").count(_STOPPED) >= number:
            return True
        if ending.done():
            return False
        time.sleep(0.001)
    raise TimeoutError(f"boundary {number} is not reached")


def after_the_cut(
    image: images.Image, folder: Path, operation: Operation, processes: Processes
) -> Iterator[str]:
    """What is wrong on the disk after a power cut at this moment, then after a plain re-run."""
    with images.copied_image(image, folder) as place:
        world = World(place / "world")
        directory = operation.folder(world)
        yield from violations(directory)
        current = directory / "current"
        number = int(os.path.basename(os.readlink(current))) if current.is_symlink() else None
        if number not in operation.ends:
            yield f"current is {number}"
        again = processes.run(*operation.words(world))
        if again.status != 0:
            yield f"a plain re-run ends with {again.status}: {again.stderr}"
        else:
            yield from violations(directory)
            yield from incomplete(directory)


def cut(
    template: World, folder: Path, kind: str, mebibytes: int, *, operation: Operation, step: int
) -> list[str]:
    """Every violation of a power cut at every `step`-th boundary, before and after a commit."""
    found: list[str] = []
    with images.made(folder, kind, mebibytes) as image:
        world = copied(template, image.folder / "world")
        operation.prepare(world)
        os.sync()
        with Processes(world.environment) as processes, Processes({}) as others:
            words = list(operation.words(world))
            for number in boundaries(processes, words, folder / "log"):
                if number % step:
                    continue
                for moment in ("before", "after"):
                    if moment == "after":
                        subprocess.run(["sync", image.folder / "world/sentinel/file"], check=True)
                    found += [
                        f"{kind}, boundary {number}, {moment} a commit: {violation}"
                        for violation in after_the_cut(image, folder, operation, others)
                    ]
    return found


@pytest.mark.parametrize(("kind", "mebibytes"), [_EXT4])
def test_a_power_cut_at_some_boundaries_of_a_first_materialize(template, arena, kind, mebibytes):
    folder = arena / f"cut-{kind}"
    folder.mkdir()
    found = cut(template, folder, kind, mebibytes, operation=OPERATIONS["first"], step=5)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(("kind", "mebibytes"), [_XFS])
def test_a_power_cut_at_some_boundaries_of_an_upgrade(template, arena, kind, mebibytes):
    folder = arena / f"cut-{kind}"
    folder.mkdir()
    found = cut(template, folder, kind, mebibytes, operation=OPERATIONS["upgrade"], step=5)
    assert found == [], "\n".join(found)


@pytest.mark.sweep
@pytest.mark.parametrize(("kind", "mebibytes"), [_EXT4, _XFS])
@pytest.mark.parametrize("name", ["first", "upgrade", "rollback", "gc", "overlay"])
def test_a_power_cut_at_any_boundary(template, arena, name, kind, mebibytes):
    folder = arena / f"cut-{kind}-{name}"
    folder.mkdir()
    found = cut(template, folder, kind, mebibytes, operation=OPERATIONS[name], step=1)
    assert found == [], "\n".join(found)
