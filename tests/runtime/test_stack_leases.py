"""Who keeps a generation: whatever a process starts, closes or makes of itself."""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

import pytest
from stack_trees import Disk, answer

from envc.disk.leases import held
from support.wheels import Recipe

SUB_INTERPRETERS = """
import os, sys
try:
    import _interpreters
    create, destroy, run = _interpreters.create, _interpreters.destroy, _interpreters.exec
except ImportError:
    import _xxsubinterpreters
    create, destroy = _xxsubinterpreters.create, _xxsubinterpreters.destroy
    run = _xxsubinterpreters.run_string
"""
# As a daemon does: what it opens afterwards has the numbers of what it closed.
DAEMON = """
os.closerange(3, 256)
opened = [os.open(os.devnull, os.O_RDWR) for _ in range(16)]
"""
# What holds the leases once the process that was started has ended.
WORK = """
import os, sys
def work(fifo):
    import common, own
    {before}
    print("ready", flush=True)
    with open(fifo) as file:
        file.read()
"""
WORKER = f"""{WORK}
import multiprocessing
if __name__ == "__main__":
    worker = multiprocessing.get_context({{method!r}}).Process(target=work, args=(sys.argv[1],))
    worker.start()
    os._exit(0)
"""
DEBUGGED = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {program!r}, *sys.argv[1:]])
os._exit(0)
"""


@pytest.fixture
def tree(disk: Disk) -> Path:
    """An overlay on a common layer."""
    base = disk.layer("user", Recipe(name="common", version="1"))
    disk.publish(base)
    return disk.publish(disk.layer("alice", Recipe(name="own", version="1"), overlay=True), base)


@pytest.fixture
def leases(disk: Disk, tree: Path) -> list[str]:
    return [f"{folder}/generations/000001/.lease" for folder in (tree, disk.root / "target")]


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "os.closerange(3, 256)"], ids=["", "a daemon"])
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_worker_holds_the_leases_when_its_parent_has_ended(
    disk: Disk, tree: Path, leases: list[str], method: str, before: str
):
    program, fifo = disk.root / "program.py", disk.root / "fifo"
    program.write_text(WORKER.format(method=method, before=before))
    os.mkfifo(fifo)
    assert is_held_while(tree, leases, fifo, program)


@pytest.mark.slow
def test_what_a_debugger_runs_holds_the_leases(disk: Disk, tree: Path, leases: list[str]):
    program, fifo = disk.root / "program.py", disk.root / "fifo"
    work = f"{WORK.format(before='')}work(sys.argv[1])\n"
    program.write_text(DEBUGGED.format(program=work))
    os.mkfifo(fifo)
    assert is_held_while(tree, leases, fifo, "-m", "pdb", "-c", "continue", program)


def is_held_while(tree: Path, leases: list[str], fifo: Path, *program: object) -> bool:
    """Whether a worker alone holds the leases until it is told to end."""
    with subprocess.Popen(
        [str(tree / "bin/python"), *map(str, program), str(fifo)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert process.wait() == 0
        found = held(leases).paths
        fifo.write_text("")
    for lease in leases:
        wait_for_the_end_of_holders(lease)
    assert held(leases).paths == set()
    return found == {*leases}


def wait_for_the_end_of_holders(lease: str) -> None:
    """Return when nobody has a lock on a lease any more."""
    with open(lease, "r+b") as file:
        fcntl.fcntl(file, fcntl.F_OFD_SETLKW, struct.pack("hhqqi0q", fcntl.F_WRLCK, 0, 0, 0, 0))


def test_the_leases_outlive_sub_interpreters(tree: Path, leases: list[str]):
    code = (
        f"{SUB_INTERPRETERS}{DAEMON}"
        "made = create()\n"
        "run(made, 'import common, own')\n"
        "destroy(made)\n"
        "lines = open('/proc/self/maps').read().splitlines()\n"
        "show(sorted(line.split()[-1] for line in lines if line.endswith('/.lease')))\n"
    )
    assert answer(tree, code) == sorted(leases)


@pytest.mark.parametrize("order", ["at first", "afterwards", "in a fork"])
def test_a_sub_interpreter_closes_no_descriptor_of_others(tree: Path, order: str):
    """The number of a descriptor that it had is another file's by then."""
    made = "made = [create() for _ in range(3)]\n"
    fork = "if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    steps = {
        "at first": f"{made}{DAEMON}",
        "afterwards": f"{DAEMON}{made}",
        "in a fork": f"{fork}{made}{DAEMON}",
    }
    code = (
        f"{SUB_INTERPRETERS}{steps[order]}"
        "for each in made:\n"
        "    run(each, 'import common, own')\n"
        "    destroy(each)\n"
        "show([os.fstat(each).st_rdev == os.stat(os.devnull).st_rdev for each in opened])\n"
    )
    assert answer(tree, code) == [True] * 16


def test_many_sub_interpreters_take_no_descriptors(tree: Path):
    code = (
        f"{SUB_INTERPRETERS}"
        "count = lambda: len(os.listdir('/proc/self/fd'))\n"
        "before = count()\n"
        "made = [create() for _ in range(4)]\n"
        "show(count() - before)\n"
        "for each in made: destroy(each)\n"
    )
    assert answer(tree, code) == 0
