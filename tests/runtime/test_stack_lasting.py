"""A noted interpreter of a past generation goes on in the current one; a job's own does not."""

import shutil
import subprocess
from pathlib import Path

import pytest
from stack_trees import Disk, answer, run, switch

from envc.model.digest import hex_of
from support.wheels import Recipe

WHICH = "import late, sys; print(late.__version__, sys.prefix)"


class Past:
    """Two generations, the second current; `late` and the script `tool` tell which."""

    def __init__(self, disk: Disk, *, overlay: bool) -> None:
        name, self.subdirectory = ("alice", "") if overlay else ("user", "user")
        base = disk.layer("system", Recipe(name="common", version="1"))
        disk.publish(base)
        for number in (1, 2):
            files = {"tool.py": "import late\ndef main(): print(late.__version__)\n"}
            points = {"tool": "tool:main"}
            late = Recipe(name="late", version=str(number))
            tool = Recipe(name="tool", version="1", files=files, console_scripts=points)
            layer = disk.layer(name, late, tool, overlay=overlay)
            self.tree = disk.publish(layer, *([base] if overlay else []), number=number)
            if number == 1:
                self.digest = hex_of(layer.closure)
        self.location = Path(layer.location)
        self.old = self.location / "generations/000001" / self.subdirectory
        self.new = self.location / "generations/000002" / self.subdirectory
        self.by_lock = self.location / "by-lock" / self.digest / self.subdirectory
        self.python = self.old / "bin/python"


@pytest.fixture(params=[True, False], ids=["overlay", "target"])
def past(request: pytest.FixtureRequest, disk: Disk) -> Past:
    return Past(disk, overlay=request.param)


@pytest.mark.parametrize(
    "options", [["-c", WHICH], ["-I", "-c", WHICH], ["-X", "utf8", "-c", WHICH, "a b"]]
)
def test_a_noted_interpreter_goes_on_in_the_current_generation(past: Past, options: list[str]):
    done = run(past.python, *options)
    assert (done.stdout, done.stderr) == (f"2 {past.new}\n", "")


def test_what_it_is_given_reaches_the_current_one(past: Past, disk: Disk):
    program = disk.root / "program.py"
    program.write_text("import late, sys; print(late.__version__, sys.argv[1:], sys.stdin.read())")
    program.with_name("hashbang").write_text(f"#!{past.python}\n{program.read_text()}")
    program.with_name("hashbang").chmod(0o755)
    for command in ([str(past.python), str(program)], [str(program.with_name("hashbang"))]):
        done = subprocess.run(
            [*command, "a b", "*"], input="in", capture_output=True, text=True, env={}, check=True
        )
        assert done.stdout == "2 ['a b', '*'] in\n"


def test_a_noted_command_is_that_of_the_current_generation(past: Past):
    assert run(past.old / "bin/tool").stdout == "2\n"


def test_what_was_named_by_digest_stays(past: Past):
    assert run(past.by_lock / "bin/python", "-c", WHICH).stdout == f"1 {past.old}\n"
    assert run(past.by_lock / "bin/tool").stdout == "1\n"


def test_a_pinned_job_stays(disk: Disk):
    past = Past(disk, overlay=False)
    lock = f"sha256:{past.digest}"
    assert run(past.python, "-c", WHICH, ENVC_LOCK=lock).stdout == f"1 {past.old}\n"


CHILDREN = """
import os, subprocess, sys
{prepare}
def switch(path, destination):
    os.symlink(destination, path + ".new")
    os.replace(path + ".new", path)
switch({current!r}, "generations/000002")
which = {which!r}
child = [sys.executable, "-c", which]
shell = ["/bin/sh", "-c", '"$0" -c "$1"', sys.executable, which]
tool = [os.path.dirname(sys.executable) + "/tool"]
for command in (child, shell, tool):
    for environment in (None, {{}}, {{"ENVC_GENERATIONS": "/elsewhere"}}):
        print(subprocess.check_output(command, env=environment, text=True).split()[0], end=" ")
"""


@pytest.mark.parametrize("prepare", ["", "os.environ.clear()", "os.closerange(3, 100)"])
def test_children_of_a_process_stay_where_it_is(past: Past, prepare: str):
    """By what the environment lists, or else because an ancestor holds the lease."""
    current = past.location / "current"
    switch(current, "generations/000001")
    code = CHILDREN.format(prepare=prepare, current=str(current), which=WHICH)
    done = run(past.tree / "bin/python", "-c", code)
    assert (done.stdout, done.stderr) == ("1 " * 9, "")


def test_grandchildren_by_the_stable_path_see_the_current_one_and_its_children_too(past: Past):
    switch(past.location / "current", "generations/000001")
    grandchild = (
        "import subprocess, sys\n"
        f"command = [sys.executable, '-c', {WHICH!r}]\n"
        "print(subprocess.check_output(command, text=True), end='')"
    )
    code = (
        "import os, subprocess\n"
        f"os.remove({str(past.location / 'current')!r})\n"
        f"os.symlink('generations/000002', {str(past.location / 'current')!r})\n"
        f"print(subprocess.check_output([{str(past.tree / 'bin/python')!r}, '-c', {grandchild!r}],"
        " text=True), end='')\n"
        f"print(subprocess.check_output([{str(past.python)!r}, '-c', {WHICH!r}], text=True))\n"
    )
    assert run(past.tree / "bin/python", "-c", code).stdout.split()[::2] == ["2", "1"]


def test_where_the_current_generation_has_no_such_layer_it_stays(disk: Disk):
    past = Past(disk, overlay=False)
    shutil.rmtree(past.new)
    assert run(past.python, "-c", WHICH).stdout == f"1 {past.old}\n"


def test_a_copy_without_generations_of_its_own_runs(past: Past, disk: Disk):
    (past.location / "current").unlink()
    assert run(past.python, "-c", WHICH).stdout == f"1 {past.old}\n"


def test_the_environment_lists_each_generation_once(past: Past):
    code = "import os; show(os.environ['ENVC_GENERATIONS'])"
    generation = past.new if not past.subdirectory else past.new.parent
    assert answer(past.tree, code) == str(generation)
    assert answer(past.tree, code, ENVC_GENERATIONS=str(generation)) == str(generation)
    assert answer(past.tree, code, ENVC_GENERATIONS="/a") == f"/a:{generation}"
