"""Many at once on one target: writers, readers, collectors, and lock holders that die or stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from envc.commands.generations import rollback
from faults.oracle import incomplete, leftovers, listing, violations
from faults.processes import Processes
from faults.sweep import copied, remove
from faults.world import World
from support.sites import SITE_PACKAGES

pytestmark = pytest.mark.slow

_SWITCHES = 2_000

# Holds a lock as envc does, says so, and keeps it until stdin ends.
_HOLDER = """\
import sys
from envc.disk.locks import exclusive, shared
with {"exclusive": exclusive, "shared": shared}[sys.argv[1]](sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

# Opens a file of `current` until stdin ends; says how often, and how often it was not there.
_READER = """\
import select
import sys
seen = missing = 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(100):
        try:
            with open(sys.argv[1], "rb") as file:
                file.read()
            seen += 1
        except FileNotFoundError:
            missing += 1
print(seen, missing, flush=True)
"""


@pytest.fixture
def world(template, arena):
    found = copied(template, arena / "together")
    yield found
    remove(found.root)


@contextmanager
def several(world: World, count: int) -> Iterator[list[Processes]]:
    """So many starters of processes, for as many at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(Processes(world.environment)) for _ in range(count)]


def is_sound(directory: Path) -> None:
    found = [*violations(directory), *incomplete(directory), *leftovers(directory)]
    assert found == [], found


def test_eight_at_once_make_one_generation(world):
    """From an empty store: every stored file has one inode, and all of them end well."""
    with several(world, 8) as starters, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: each.run(*world.materialize(1), "--json"), starters))
    assert [answer.status for answer in answers] == [0] * 8, [a.stderr for a in answers]
    assert {answer.json["generation"] for answer in answers} == {1}
    assert [answer.json["changed"] for answer in answers].count(True) == 1
    assert os.listdir(world.target / "generations") == ["000001"]
    is_sound(world.target)
    stored = world.target / "store/wheels"
    inodes = {seen[3] for seen in listing(stored).values() if seen[0] == 0o100000}
    linked = {
        seen[3]
        for path, seen in listing(world.generation(1)).items()
        if "site-packages/names" in path and seen[0] == 0o100000
    }
    assert linked <= inodes


def test_two_locks_at_once(world):
    """Both become generations; `current` is one of them, and both are complete."""
    with several(world, 2) as starters, ThreadPoolExecutor(2) as pool:
        words = [world.materialize(1), world.materialize(2)]
        answers = list(pool.map(lambda each, said: each.run(*said, "--json"), starters, words))
    assert [answer.status for answer in answers] == [0, 0], [a.stderr for a in answers]
    assert sorted(answer.json["generation"] for answer in answers) == [1, 2]
    is_sound(world.target)


def test_gc_beside_materialize(world):
    """One upgrades and rolls back, the other collects: nothing that is needed goes."""
    rounds = 6

    def upgrade(starter: Processes) -> list[int]:
        return [starter.run(*world.materialize(1 + n % 2)).status for n in range(2 * rounds)]

    def collect(starter: Processes) -> list[int]:
        words = ("gc", "--target", world.target, "--keep", 0)
        return [starter.run(*words).status for _ in range(2 * rounds)]

    world.done(*world.materialize(1))
    with several(world, 2) as (first, second), ThreadPoolExecutor(2) as pool:
        upgraded, collected = pool.submit(upgrade, first), pool.submit(collect, second)
        assert set(upgraded.result()) == {0}
        assert set(collected.result()) == {0}
        assert second.run("verify", "--target", world.target).status == 0
        assert second.run("gc", "--target", world.target, "--keep", 9).status == 0
    is_sound(world.target)


def test_readers_never_miss_a_file_while_generations_are_switched(world):
    world.done(*world.materialize(1))
    world.done(*world.materialize(2))
    path = world.target / "user" / SITE_PACKAGES / "names/beta.py"
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    for number in range(_SWITCHES):
        report = rollback(str(world.target), 1 + number % 2)
        assert report.generation == 1 + number % 2
    told, _ = reader.communicate()
    seen, missing = map(int, told.split())
    assert seen > 1_000
    assert missing == 0
    is_sound(world.target)


@contextmanager
def holder(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, kind, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_holder_that_is_killed_holds_nothing(world):
    world.target.mkdir()
    with holder("exclusive", world.target / ".lock") as process, several(world, 1) as (starter,):
        process.kill()
        process.wait()
        answer = starter.run(*world.materialize(1), environment={"ENVC_LOCK_TIMEOUT": "0"})
        assert answer.status == 0, answer.stderr


@pytest.mark.parametrize(
    ("kind", "name"),
    [("exclusive", ".lock"), ("exclusive", ".store-lock"), ("shared", ".store-lock")],
)
def test_a_lock_holder_that_is_stopped_is_named(world, kind, name):
    world.done(*world.materialize(1))
    words = ["gc", "--target", world.target] if kind == "shared" else world.materialize(2)
    with holder(kind, world.target / name) as process, several(world, 1) as (starter,):
        process.send_signal(signal.SIGSTOP)
        answer = starter.run(*words, environment={"ENVC_LOCK_TIMEOUT": "0.2"})
        assert answer.status == 4
        what, where, mend = answer.stderr.splitlines()
        assert what.startswith(f"error: process {process.pid} of ")
        assert what.endswith(f" on {os.uname().nodename} holds the lock; waited for 0.2 seconds")
        assert where == f"   at: {world.target}/{name}"
        assert mend == (
            " help: wait for it to end, or end it; ENVC_LOCK_TIMEOUT sets how long to wait"
        )
        process.send_signal(signal.SIGCONT)
    assert os.readlink(world.target / "current") == "generations/000001"


def test_what_only_reads_waits_for_nobody(world):
    """Whoever writes: nothing to do, a look and a run go on."""
    world.done(*world.materialize(1))
    readers = [
        world.materialize(1),
        world.materialize(1, "--layer", "user"),
        *((name, "--target", world.target) for name in ("verify", "generations", "doctor")),
        ("node", "status", "--target", world.target),
        ("diff", world.target, f"{world.target}@1"),
        ("tree", "--site", world.site(1)),
        ("why", "beta", "--site", world.site(1)),
        ("run", "--layer", "user", "--target", world.target, "--", "python", "-c", "pass"),
    ]
    with (
        holder("exclusive", world.target / ".lock"),
        holder("exclusive", world.target / ".store-lock"),
        several(world, 1) as (starter,),
    ):
        for words in readers:
            answer = starter.run(*words, environment={"ENVC_LOCK_TIMEOUT": "0"})
            assert answer.status == 0, (words, answer.stderr)
        command = [world.target / "bin/envc", "generations"]
        assert subprocess.run(command, env={"ENVC_LOCK_TIMEOUT": "0"}, check=False).returncode == 0


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_time_out_that_is_none(world, text):
    with several(world, 1) as (starter,):
        answer = starter.run(*world.materialize(1), environment={"ENVC_LOCK_TIMEOUT": text})
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: ENVC_LOCK_TIMEOUT is {text!r}, which is no number of seconds\n"
            " help: set it to how long to wait for a lock, or unset it\n"
        ),
    )


def test_a_lock_that_is_a_symlink_is_not_followed(world):
    world.done(*world.materialize(1))
    (world.target / ".lock").unlink()
    (world.target / ".lock").symlink_to(world.root / "sentinel/file")
    with several(world, 1) as (starter,):
        answer = starter.run(*world.materialize(2))
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: cannot open the lock: Too many levels of symbolic links\n"
            f"   at: {world.target}/.lock\n"
            " help: remove the symlink that stands there\n"
        ),
    )
    assert (world.root / "sentinel/file").read_text() == "mine\n"


@pytest.mark.parametrize("files", range(6, 22, 3))
def test_too_few_open_files(world, files):
    """EMFILE wherever it strikes first: told as what it is, and a plain re-run works."""
    with several(world, 1) as (starter,):
        answer = starter.run(*world.materialize(1), files=files)
        if answer.status != 0:
            assert answer.status == 4, answer.stderr
            assert ": Too many open files\n" in answer.stderr
            assert answer.stderr.endswith(" help: raise the limit of open files (ulimit -n)\n")
            assert not (world.target / "current").is_symlink()
        assert starter.run(*world.materialize(1)).status == 0
    is_sound(world.target)
