"""`ENVC_LOCK`: a common layer goes on in the generation that the job is pinned to."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from stack_trees import Disk, Interpreter, answer, run, switch

from envc.model.digest import digest_of, hex_of
from envc.model.stack import StackLayer
from support.wheels import Recipe

WHERE = (
    "import late, sys, site; show([late.__version__, sys.prefix, sys.executable,"
    " *{*site.PREFIXES}])"
)
TELL = "import late, sys\ndef main(): print(late.__version__, sys.prefix, sys.argv)\n"


def late(number: int) -> Recipe:
    files = {"late/__init__.py": f"__version__ = '{number}'\n", "late/tell.py": TELL}
    points = {"tell": "late.tell:main"}
    return Recipe(name="late", version=str(number), files=files, console_scripts=points)


@pytest.fixture
def layers(disk: Disk) -> list[StackLayer]:
    """Two generations of `user`, the second is current; each has a `system` beside it."""
    found = []
    for number in (1, 2):
        disk.publish(disk.layer("system", late(number)), number=number)
        layer = disk.layer("user", late(number))
        disk.publish(layer, number=number)
        found.append(layer)
    return found


def prefix(disk: Disk, number: int, name: str = "user") -> str:
    return f"{disk.root}/target/generations/{number:06d}/{name}"


@pytest.mark.parametrize("options", [(), ("-I",)], ids=["plain", "isolated"])
def test_a_common_layer_goes_on_in_the_pinned_generation(disk, layers, options):
    tree = disk.root / "target/user"
    first = prefix(disk, 1)
    pinned = ["1", first, f"{first}/bin/python", first]
    assert answer(tree, WHERE, *options, ENVC_LOCK=layers[0].closure) == pinned
    assert answer(tree, WHERE, *options, ENVC_LOCK=hex_of(layers[0].closure)) == pinned
    assert answer(tree, WHERE, *options)[0] == "2"
    assert answer(tree, WHERE, *options, ENVC_LOCK=layers[1].closure)[0] == "2"


def test_children_and_the_other_layers_of_the_job_are_pinned(disk, layers):
    target = disk.root / "target"
    code = (
        "import subprocess, sys\n"
        f"command = [{str(target / 'system/bin/python')!r}, '-c',"
        " 'import late, sys; print(late.__version__, sys.prefix)']\n"
        "show(subprocess.check_output(command, text=True).split())\n"
    )
    expected = ["1", prefix(disk, 1, "system")]
    assert answer(target / "user", code, ENVC_LOCK=layers[0].closure) == expected


def test_a_script_of_the_layer_is_that_of_the_pinned_generation(disk, layers):
    done = run(disk.root / "target/user/bin/tell", "a b", "-c", ENVC_LOCK=layers[0].closure)
    first = prefix(disk, 1)
    assert done.stdout == f"1 {first} {[f'{first}/bin/tell', 'a b', '-c']}\n", done.stderr
    program = disk.root / "program.py"
    program.write_text("import late, sys; print(late.__version__, sys.argv[1:], sys.stdin.read())")
    command = [f"{disk.root}/target/user/bin/python", "-X", "utf8", str(program), "x", "program.py"]
    done = subprocess.run(
        command,
        env={"ENVC_LOCK": layers[0].closure},
        input="typed",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1 ['x', 'program.py'] typed\n", "")
    done = run(disk.root / "target/user/bin/python", "-m", "late.tell", ENVC_LOCK=layers[0].closure)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pinned_generation_is_the_one_that_is_leased(disk, layers):
    code = "show([line.split()[-1] for line in open('/proc/self/maps') if '.lease' in line])"
    leased = answer(disk.root / "target/user", code, ENVC_LOCK=layers[0].closure)
    assert leased == [f"{disk.root}/target/generations/000001/.lease"]


def test_a_generation_that_holds_the_digest_too_is_left_alone(disk, layers):
    """The name leads to one generation; the layer may be in others as well."""
    disk.publish(disk.layer("system", late(3)), number=3)
    disk.publish(layers[1], number=3)
    pinned = answer(Path(prefix(disk, 2)), WHERE, ENVC_LOCK=layers[1].closure)
    assert pinned[1] == prefix(disk, 2)
    other = answer(Path(prefix(disk, 2, "system")), WHERE, ENVC_LOCK=layers[1].closure)
    assert other[:2] == ["3", prefix(disk, 3, "system")]


def test_an_overlay_runs_on_its_own_base_whatever_the_job_is_pinned_to(disk, layers):
    tree = disk.publish(
        disk.layer("alice", Recipe(name="own", version="1"), overlay=True), layers[1]
    )
    for pin in (layers[0].closure, "nonsense"):
        code = "import late, own, sys; show([late.__version__, sys.prefix])"
        assert answer(tree, code, ENVC_LOCK=pin) == ["2", f"{tree}/generations/000001"]


def refused(tree: Path, **environment: str) -> str:
    done = run(tree / "bin/python", "-c", "print('never')", **environment)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_digest_that_the_node_does_not_hold_is_explained(disk, layers):
    absent = digest_of(b"absent")
    target = disk.root / "target"
    expected = (
        f"envc: {prefix(disk, 2)}: this node does not hold the generation of the layer 'user' that"
        " ENVC_LOCK pins this job to\n"
        f"  digest: {absent}\n"
        f"  target: {target}\n"
        f"  help: an administrator's `envc converge --target {target}` brings it back; unset"
        " ENVC_LOCK to run on what is here\n"
    )
    assert refused(target / "user", ENVC_LOCK=absent) == expected
    assert refused(target / "user", ENVC_LOCK=absent, ENVC_TARGET=str(target)) == expected
    elsewhere = str(disk.root)
    assert answer(target / "user", WHERE, ENVC_LOCK=absent, ENVC_TARGET=elsewhere)[0] == "2"
    switch(target / "by-lock" / hex_of(absent), "../generations/000009")
    assert refused(target / "user", ENVC_LOCK=absent) == expected


@pytest.mark.parametrize("value", ["current", "../../current", "sha256:", "A" * 64])
def test_what_is_no_digest_is_explained(disk, layers, value):
    assert refused(disk.root / "target/user", ENVC_LOCK=value) == (
        f"envc: ENVC_LOCK is {value!r}, which is no closure digest\n"
        "  help: unset ENVC_LOCK, or let `envc run` set it\n"
    )


def test_an_interpreter_that_cannot_be_run_is_explained(disk, layers):
    python = Path(prefix(disk, 1), "bin/python")
    python.unlink()
    python.write_text("no program")
    python.chmod(0o555)
    assert refused(disk.root / "target/user", ENVC_LOCK=layers[0].closure) == (
        f"envc: {python}: cannot be run (Exec format error)\n  help: unset ENVC_LOCK\n"
    )


def test_a_program_that_embeds_the_interpreter_is_not_started_again(
    disk: Disk, layers, interpreter: Interpreter
):
    """A copy of the interpreter stands for the program: it is not what the tree's python is."""
    real = os.path.realpath(interpreter.executable)
    embedding = Path(prefix(disk, 2), "bin/embedding")
    shutil.copy(real, embedding)
    done = run(embedding, "-c", "print('never')", ENVC_LOCK=layers[0].closure)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"envc: {prefix(disk, 2)}: ENVC_LOCK pins this job to {prefix(disk, 1)}, and the program"
        " that embeds this interpreter cannot be started again\n"
        f"  help: give it {prefix(disk, 1)} for its home, or unset ENVC_LOCK\n"
    )
