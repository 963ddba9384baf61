"""Two users: what is somebody else's is refused, what is an ordinary user's own works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envc.host.machine import machine_of
from faults.oracle import incomplete, leftovers, violations
from faults.processes import Processes
from faults.sweep import copied, remove
from faults.world import SHARED, flip
from support.kits import keep_small_kit
from support.sites import PYTHON

_NOBODY = 65534

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]


def reachable_interpreter():
    """A Python of the tests' X.Y that another user may start, or None."""
    for path in (
        sys._base_executable,
        f"/usr/bin/python{PYTHON}",
        f"/usr/local/bin/python{PYTHON}",
    ):
        done = subprocess.run([path, "-c", ""], user=_NOBODY, check=False) if able(path) else None
        if done is not None and done.returncode == 0:
            return path
    return None


def able(path):
    """Whether every folder above may be entered by everybody."""
    real = Path(os.path.realpath(path))
    return real.exists() and all(os.stat(parent).st_mode & 0o001 for parent in real.parents)


def target_table():
    """This machine, with any Python of the X.Y."""
    machine = machine_of(None)
    return (
        f'[[target]]\nname = "node"\nplatform = "{machine.platform}"\n'
        f'libc = "{machine.libc}"\npython-full = "{PYTHON}.0"\n\n'
    )


def cache_of_nobody(world):
    return world.root / "cache-of-nobody"


@pytest.fixture
def world(template, arena):
    """A world in a folder that everybody may enter, on an interpreter that everybody may start."""
    interpreter = reachable_interpreter()
    if interpreter is None:
        pytest.skip(f"there is no Python {PYTHON} here that another user may start")
    os.chmod(arena, 0o755)
    found = copied(template, arena / "users")
    for number in (1, 2):
        spec = found.site(number) / "envc.toml"
        text = spec.read_text().replace("[core]", f'[core]\ninterpreter = "{interpreter}"')
        text = text.replace("[[index]]", target_table() + "[[index]]")
        spec.write_text(text)
        found.done("lock", "--site", found.site(number))
    os.chmod(found.root, 0o755)
    keep_small_kit(cache_of_nobody(found))
    give_away(cache_of_nobody(found))
    yield found
    remove(found.root)


@pytest.fixture
def processes(world):
    surroundings = {"ENVC_CACHE_DIR": str(cache_of_nobody(world))}
    with Processes({**world.environment, **surroundings}) as found:
        yield found


def give_away(folder):
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, _NOBODY, _NOBODY)


def test_what_reads_works_on_the_target_of_another(world, processes):
    """Materialize with nothing to do, verify, generations: as whoever may read the target."""
    world.done(*world.materialize(1))
    answer = processes.run(*world.materialize(1), user=_NOBODY)
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        0,
        f"{world.target}: unchanged: on generation 1",
    )
    answer = processes.run("verify", "--target", world.target, user=_NOBODY)
    assert (answer.status, answer.stdout) == (0, "")
    answer = processes.run("generations", "--target", world.target, user=_NOBODY)
    assert (answer.status, answer.stderr) == (0, "")
    assert answer.stdout.startswith("*    1  ")
    assert list(leftovers(world.target)) == []


WRITING = {
    "materialize": lambda world: world.materialize(2),
    "repair": lambda world: ["repair", "--target", world.target],
    "rollback": lambda world: ["rollback", "--target", world.target],
    "gc": lambda world: ["gc", "--target", world.target],
    "pin": lambda world: ["generations", "--target", world.target, "--pin", 1],
}


@pytest.mark.parametrize("name", WRITING)
def test_what_writes_is_refused_on_the_target_of_another(world, processes, name):
    world.done(*world.materialize(1))
    answer = processes.run(*WRITING[name](world), user=_NOBODY)
    assert (answer.status, answer.stdout, answer.stderr) == (
        2,
        "",
        (
            f"error: the folder belongs to user 0, and envc runs as user {_NOBODY}\n"
            f"   at: {world.target}\n"
            " help: run envc as its owner, or choose another folder\n"
        ),
    )


def test_a_parent_that_is_not_ones_own(world, processes):
    answer = processes.run(*world.materialize(1), user=_NOBODY)
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: cannot make the folder: Permission denied\n"
            f"   at: {world.target}\n"
            " help: run envc as the owner of this folder\n"
        ),
    )


def test_links_to_what_somebody_else_owns(world, processes):
    """`protected_hardlinks`: a store that root has filled, in a target that is not root's."""
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("this kernel does not protect hard links")
    world.done(*world.materialize(1))
    world.done(*world.materialize(2))
    give_away(world.target)
    for path in (world.target / "store/wheels").rglob("*"):
        os.lchown(path, 0, 0)
    shutil.rmtree(world.generation(2))
    (world.target / "current").unlink()
    (world.target / "current").symlink_to("generations/000001")
    answer = processes.run(*world.materialize(2, "--link-mode", "hardlink"), user=_NOBODY)
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: hard links from the store do not work here: Operation not permitted\n"
            f"   at: {world.target}/generations\n"
            " help: put store and generations on one mount, owned by one user, or use "
            "--link-mode copy\n"
        ),
    )
    assert os.readlink(world.target / "current") == "generations/000001"
    answer = processes.run(*world.materialize(2), user=_NOBODY)
    assert answer.status == 0, answer.stderr
    assert answer.stderr.splitlines()[0] == (
        "warning: hard links from the store do not work here: Operation not permitted; "
        "copying instead, which takes the disk space again"
    )
    assert processes.run("verify", "--target", world.target, user=_NOBODY).status == 0


def test_an_ordinary_users_own_target(world, processes):
    """The whole round without root: folders that are closed to their owner are no obstacle."""
    world.target.mkdir()
    give_away(world.target)

    def done(*words):
        answer = processes.run(*words, user=_NOBODY)
        assert answer.status == 0, answer.stderr
        return answer

    for number in (1, 2):
        done(*world.materialize(number))
    assert os.stat(world.generation(2)).st_uid == _NOBODY
    flip(world.generation(2) / SHARED)
    shutil.rmtree(world.generation(1) / "user/bin")
    assert processes.run("verify", "--target", world.target, user=_NOBODY).status == 1
    done("repair", "--target", world.target, "--from", world.wheels, "--offline")
    done("verify", "--target", world.target)
    done("rollback", "--target", world.target)
    done("verify", "--target", world.target)
    done("gc", "--target", world.target, "--keep", 0)
    assert world.generation(2).is_symlink()  # leads on
    faults = [*violations(world.target), *incomplete(world.target), *leftovers(world.target)]
    assert faults == []
