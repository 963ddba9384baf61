"""A process stays on the generation that it started with, however often `current` moves."""

import subprocess

import pytest

pytestmark = pytest.mark.slow

WAIT = """
import subprocess, sys
print("ready", flush=True)
sys.stdin.readline()
import scipy, six
code = "import numpy; print(numpy.__file__)"
child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
print(scipy.__version__, scipy.__file__, child.stdout.strip(), sys.prefix, flush=True)
"""


@pytest.fixture
def running(warm):
    """Starts a program in the user layer; returns it when it says that it is ready."""
    started = []

    def start():
        process = subprocess.Popen(
            [f"{warm.target}/user/bin/python", "-c", WAIT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_what_runs_keeps_importing_from_its_generation(warm, running):
    warm.materialize()
    before = running()
    warm.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    warm.done("lock")
    assert warm.materialize()["generation"] == 2
    after = running()
    for process, version, number in ((before, "1.11.0", 1), (after, "1.14.0", 2)):
        out, _ = process.communicate("go\n")
        found, scipy, numpy, prefix = out.split()
        root = f"{warm.target}/generations/{number:06d}/user"
        assert (found, prefix) == (version, root)
        assert scipy.startswith(f"{root}/lib/")
        assert numpy.startswith(f"{root}/lib/")


def test_readers_during_many_switches_always_see_one_complete_generation(warm):
    """Each process sees scipy and numpy of the same generation: never half of each."""
    warm.materialize()
    first = warm.folder / "first"
    second = warm.folder / "second"
    texts = {}
    for folder, scipy in ((first, "1.11.0"), (second, "1.14.0")):
        if folder is second:
            warm.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
            warm.edit('"numpy<2"', '"numpy>=2"')
            warm.done("lock")
            warm.materialize()
        texts[scipy] = {
            name: (warm.folder / name).read_bytes()
            for name in ("envc.toml", "pylock.user.toml", "pylock.system.toml")
        }
    code = "import scipy, numpy; print(scipy.__version__, numpy.__version__)"
    readers = []
    for number in range(8):
        command = [f"{warm.target}/user/bin/python", "-c", code]
        readers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for name, text in texts[("1.11.0", "1.14.0")[number % 2]].items():
            (warm.folder / name).write_bytes(text)
        warm.materialize()
    seen = {reader.communicate()[0].strip() for reader in readers}
    assert seen <= {"1.11.0 1.26.4", "1.14.0 2.0.0"}
    assert {reader.returncode for reader in readers} == {0}
