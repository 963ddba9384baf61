"""`python -m venv` on top of a stack, with and without the stack below it."""

import shutil
from pathlib import Path

import pytest
from stack_trees import Disk, answer, masking, run

from envc.model.digest import hex_of
from envc.model.python import version_of
from support.wheels import Recipe

pytestmark = pytest.mark.slow  # each makes environments, in processes of their own

SEEN = """
import importlib.util, sys
from importlib.metadata import distributions
names = ("alpha", "beta", "hidden", "own", "added")
show([[n for n in names if importlib.util.find_spec(n)],
      sorted(d.name + " " + d.version for d in distributions()), sys.prefix,
      getattr(sys, "runs", [])])
"""
COUNT = "import sys; sys.runs = getattr(sys, 'runs', []) + [{!r}]\n"


@pytest.fixture
def user(disk: Disk):
    started = {"beta/__init__.py": "", "beta.pth": COUNT.format("beta")}
    layer = disk.layer(
        "user",
        Recipe(name="alpha", version="1"),
        Recipe(name="beta", version="1", files=started),
        Recipe(name="hidden", version="1"),
    )
    disk.publish(layer)
    return layer


@pytest.fixture
def alice(disk: Disk, user) -> Path:
    own = {"own/__init__.py": "", "own.pth": COUNT.format("own")}
    top = disk.layer(
        "alice",
        Recipe(name="alpha", version="2"),
        Recipe(name="own", version="1", files=own),
        overlay=True,
    )
    return disk.publish(top, masking(user, "alpha", "hidden"))


def make(python: Path, folder: Path, *options: str) -> Path:
    done = run(python / "bin/python", "-m", "venv", "--without-pip", *options, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_it_is_isolated_unless_asked(disk: Disk, alice: Path):
    new = make(alice, disk.root / "new")
    assert answer(new, SEEN) == [[], [], str(new), []]
    folder = new / disk.interpreter.site_packages
    assert list(folder.iterdir()) == []
    assert answer(new, "import sys; show(sys.version_info[:2])") == [
        int(part) for part in version_of(disk.interpreter.version).split(".")
    ]


def test_on_an_overlay_it_sees_the_whole_stack(disk: Disk, alice: Path):
    new = make(alice, disk.root / "new", "--system-site-packages")
    folder = new / disk.interpreter.site_packages
    (folder / "added.py").write_text("")
    (folder / "mine.pth").write_text(COUNT.format("mine"))
    stack = [
        ["alpha", "beta", "own", "added"],
        ["alpha 2", "beta 1", "own 1"],
        str(new),
        ["own", "beta", "mine"],
    ]
    assert answer(new, SEEN) == stack
    assert answer(new, SEEN, "-I") == stack
    path = answer(new, "import sys; show(sys.path)")
    own = f"{alice}/generations/000001/{disk.interpreter.site_packages}"
    assert path[-3:] == [str(folder), own, f"{own.rpartition('/')[0]}/bases/user"]
    assert not any("site-packages" in entry for entry in path[:-3])
    configuration = (new / "pyvenv.cfg").read_text()
    assert "include-system-site-packages = false" in configuration


def test_it_stays_on_the_generation_that_it_was_made_on(disk: Disk, user, alice: Path):
    new = make(alice, disk.root / "new", "--system-site-packages")
    later = disk.layer("alice", Recipe(name="alpha", version="3"), overlay=True)
    disk.publish(later, masking(user, "alpha"), number=2)
    code = "import alpha; show(alpha.__version__)"
    assert (answer(alice, code), answer(new, code)) == ("3", "2")


def test_on_a_common_layer_and_on_another_one(disk: Disk, user):
    first = make(disk.root / "target/user", disk.root / "first", "--system-site-packages")
    (first / disk.interpreter.site_packages / "added.py").write_text("")
    names = ["alpha", "beta", "hidden"]
    versions = ["alpha 1", "beta 1", "hidden 1"]
    assert answer(first, SEEN) == [[*names, "added"], versions, str(first), ["beta"]]
    second = make(first, disk.root / "second", "--system-site-packages")
    (first / disk.interpreter.site_packages / "late.pth").write_text(COUNT.format("late"))
    expected = [[*names, "added"], versions, str(second), ["late", "beta"]]
    assert answer(second, SEEN) == expected
    assert answer(make(first, disk.root / "third"), SEEN)[0] == []


def test_a_layer_that_stands_on_another_of_its_target(disk: Disk, user):
    top = disk.layer("top", Recipe(name="own", version="1"))
    disk.publish(top, masking(user, "hidden"), number=2)
    new = make(disk.root / "target/top", disk.root / "new", "--system-site-packages")
    assert answer(new, SEEN)[:2] == [["alpha", "beta", "own"], ["alpha 1", "beta 1", "own 1"]]


def test_made_again_without_the_stack_it_is_isolated(disk: Disk, alice: Path):
    new = make(alice, disk.root / "new", "--system-site-packages")
    make(alice, new)
    assert answer(new, SEEN)[0] == []


def test_programs_that_use_the_module_get_the_same(disk: Disk, alice: Path):
    new = disk.root / "new"
    code = (
        "import importlib, venv; importlib.reload(venv)\n"
        f"venv.create({str(new)!r}, system_site_packages=True); show(venv.__spec__.name)\n"
    )
    assert answer(alice, code) == "venv"
    assert answer(new, SEEN)[0] == ["alpha", "beta", "own"]


def test_a_module_of_that_name_is_left_alone(disk: Disk, alice: Path):
    mine = disk.root / "mine"
    mine.mkdir()
    (mine / "venv.py").write_text("here = 1\n")
    assert answer(alice, "import venv; show(venv.here)", PYTHONPATH=str(mine)) == 1


def test_where_its_stack_is_gone_it_says_so(disk: Disk, user, alice: Path):
    new = make(alice, disk.root / "new", "--system-site-packages")
    second = make(new, disk.root / "second", "--system-site-packages")
    shutil.rmtree(new)
    gone = disk.root / "target/by-lock" / hex_of(user.closure)
    third = make(alice, disk.root / "third", "--system-site-packages")
    gone.unlink()
    for tree, name, path in ((second, "new", new), (third, "user", f"{gone}/user")):
        done = run(tree / "bin/python", "-c", "print('never')")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"envc: {tree}: the layer {name!r} that this virtual environment was made on is not"
            " there (No such file or directory)\n"
            f"  path: {path}\n"
            "  help: make the environment again, with the python of the stack that it shall see:"
            f" `…/bin/python -m venv --clear --system-site-packages {tree}`\n"
        )
