"""A process keeps to the generations it started with while everything below it is replaced."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from plain import environment, install, output, uninstall
from worlds import World

from support.sites import SITE_PACKAGES, envc

pytestmark = pytest.mark.slow

# Says "up", waits for a line, and only then imports: itself, and in children of two kinds.
PROGRAM = """\
import json, multiprocessing, subprocess, sys

def late(_=None):
    import {modules}
    return [module.__file__ for module in ({modules},)]

if __name__ == "__main__":
    print("up", flush=True)
    sys.stdin.readline()
    found = [late()]
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            found += pool.map(late, [0])
    program = "import json, {modules}; print(json.dumps([m.__file__ for m in ({modules},)]))"
    found.append(json.loads(subprocess.check_output([sys.executable, "-c", program])))
    print(json.dumps(found))
"""


@contextmanager
def running(python: Path, folder: Path, modules: str) -> "Iterator[subprocess.Popen[str]]":
    """The program, started and waiting."""
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("{modules}", modules))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([python, program], text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process


def finish(process: "subprocess.Popen[str]") -> list[list[str]]:
    """What the program and its children found."""
    told, complaints = process.communicate("\n")
    assert (process.returncode, complaints) == (0, "")
    found: list[list[str]] = json.loads(told)
    return found


def test_plain_layering_mixes_before_and_after(tmp_path, wheels):
    """The control: what is imported late is what stands there by then."""
    base = environment(tmp_path / "base", wheels / "numpy-1.26.0-py3-none-any.whl")
    top = environment(tmp_path / "top", on=base)
    code = "import sys; sys.stdin.readline(); import numpy; print(numpy.__version__)"
    with subprocess.Popen(
        [top / "bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        uninstall(base, "numpy*")
        install(base, wheels / "numpy-2.0.0-py3-none-any.whl")
        assert process.communicate("\n")[0] == "2.0.0\n"


def upgrade(world: World) -> None:
    """A new generation of the common layers, and of the overlay on it."""
    site = world.site
    site.edit('"pandas", ', '"pandas", "notebook", ')
    site.done("lock")
    assert site.materialize()["changed"]
    assert envc("overlay", "add", "theme", "--dir", world.alice).status == 0


def gc(folder: Path) -> list[str]:
    """What is removed and what stays."""
    answer = envc("gc", "--target", folder, "--keep", 0)
    assert answer.status == 0, answer.stderr
    return answer.stderr.splitlines()


def test_a_process_and_its_children_keep_to_their_generations(own_world: World, tmp_path: Path):
    alice, target = own_world.alice, own_world.site.target
    before = Path(output(alice / "bin/python", "-c", "import sys; print(sys.prefix)"))
    with running(alice / "bin/python", tmp_path, "polars, pandas, report") as process:
        upgrade(own_world)
        assert f"  generation {int(before.name)} stays: in use" in gc(alice)
        assert "  generation 1 stays: in use" in gc(target)
        found = finish(process)
    folder = f"{SITE_PACKAGES}/{{0}}/__init__.py"
    first = [
        f"{before}/{folder.format('polars')}",
        f"{target}/generations/000001/user/{folder.format('pandas')}",
        f"{target}/generations/000001/system/{folder.format('report')}",
    ]
    assert found[:3] == [first] * 3
    # A new process finds a layer by its digest, wherever it is by now: the same bytes.
    assert found[3] == [*first[:2], first[2].replace("000001", "000002")]

    after = Path(output(alice / "bin/python", "-c", "import sys, theme; print(sys.prefix)"))
    assert after != before
    assert gc(alice)[1:] == [f"  generation {int(after.name)} stays: current"]
    assert gc(target)[1:] == ["  generation 2 stays: current"]
    assert before.is_symlink()  # leads on
