"""`importlib.resources` and `pkgutil` in namespace packages of which a portion is masked."""

import pytest
from stack_trees import Disk, answer, masking

from support.wheels import Recipe


def portion(name: str, files: dict[str, str]) -> Recipe:
    return Recipe(name=name, version="1", files=files)


@pytest.fixture
def tree(disk: Disk):
    """`ns` in three layers; of the middle one, the project `gone` is masked."""
    system = disk.layer("system", portion("far", {"ns/far.txt": "far", "ns/both/far.txt": "far"}))
    user = disk.layer(
        "user",
        portion(
            "seen",
            {
                "ns/seen.py": "",
                "ns/seen.txt": "seen",
                "ns/data/seen.txt": "deep",
                "ns/pack/__init__.py": "",
                "ns/pack/inside.txt": "inside",
                "ns/deep/here.py": "",
                "ns/deep/here.txt": "here",
            },
        ),
        portion(
            "gone",
            {
                "ns/gone.py": "",
                "ns/gone.txt": "gone",
                "ns/data/gone.txt": "gone",
                "ns/deep/gone.py": "",
                "ns/deep/gone.txt": "gone",
            },
        ),
    )
    disk.publish(system)
    disk.publish(user, number=2)
    own = portion("own", {"ns/own.py": "", "ns/own.txt": "own", "ns/both/own.txt": "own"})
    return disk.publish(disk.layer("alice", own, overlay=True), masking(user, "gone"), system)


FILES = "from importlib.resources import files, as_file\nroot = files('ns')\n"
WALK = """
def walk(folder):
    return {c.name: walk(c) if c.is_dir() else c.read_text() for c in folder.iterdir()
            if c.name != "__pycache__"}
"""


def test_all_visible_files_are_listed_and_read(tree):
    assert answer(tree, f"{FILES}{WALK}\nshow(walk(root))") == {
        "both": {"far.txt": "far", "own.txt": "own"},
        "data": {"seen.txt": "deep"},
        "deep": {"here.py": "", "here.txt": "here"},
        "far.txt": "far",
        "own.py": "",
        "own.txt": "own",
        "pack": {"__init__.py": "", "inside.txt": "inside"},
        "seen.py": "",
        "seen.txt": "seen",
    }


def test_paths_are_joined(tree):
    code = f"""{FILES}
show([root.joinpath("own.txt").read_text(),
      (root / "seen.txt").read_bytes().decode(),
      root.joinpath("pack", "inside.txt").read_text(),
      root.joinpath("data/seen.txt").open().read(),
      (root / "data" / "." / "seen.txt").name,
      files("ns.deep").joinpath("here.txt").read_text(),
      files("ns.pack").joinpath("inside.txt").read_text(),
      root.name, root.is_dir(), root.is_file()])
"""
    assert answer(tree, code) == [
        *("own", "seen", "inside", "deep", "seen.txt", "here", "inside"),
        *("ns", True, False),
    ]


def test_what_is_masked_or_absent_is_not_there(tree):
    code = f"""{FILES}
def failure(action):
    try: return action()
    except FileNotFoundError: return "not there"
places = [root / "gone.txt", root.joinpath("data", "gone.txt"), root / "no" / "such.txt"]
show([[p.is_file() or p.is_dir() for p in places], failure(places[0].read_text),
      failure(places[2].read_bytes), failure(lambda: list((root / "no").iterdir())),
      failure(root.open)])
"""
    assert answer(tree, code) == [
        [False, False, False],
        *["not there"] * 4,
    ]


def test_files_have_a_path_as_long_as_it_is_wanted(tree):
    code = f"""{FILES}{WALK}
with as_file(root / "seen.txt") as path: text = path.read_text()
with as_file(root / "pack") as path: names = sorted(p.name for p in path.glob("*.txt"))
import sys
whole = None
if sys.version_info >= (3, 12):
    with as_file(root / "both") as path: whole = walk(path)
show([text, names, whole == {{"far.txt": "far", "own.txt": "own"}} or sys.version_info < (3, 12)])
"""
    assert answer(tree, code) == ["seen", ["inside.txt"], True]


def test_the_older_functions_agree(tree):
    code = """
import warnings
warnings.simplefilter("ignore")
import importlib.resources as r, pkgutil
show([r.is_resource("ns", "seen.txt"), r.is_resource("ns", "gone.txt"),
      r.read_text("ns", "seen.txt"), "gone.txt" in set(r.contents("ns")),
      pkgutil.get_data("ns.pack", "inside.txt").decode(), pkgutil.get_data("ns", "seen.txt")])
"""
    assert answer(tree, code) == [True, False, "seen", False, "inside", None]


def test_the_portions_of_a_namespace_can_be_walked(tree):
    code = """
import pkgutil, ns, os
names = sorted(m.name for m in pkgutil.iter_modules(ns.__path__))
show([names, len(list(ns.__path__)), [os.path.isdir(path) for path in ns.__path__]])
"""
    assert answer(tree, code) == [["own", "pack", "seen"], 3, [True, True, True]]


def test_namespaces_without_masks_are_read_as_ever(disk: Disk):
    base = disk.layer(
        "user",
        portion("one", {"whole/one.txt": "one", "whole/one.py": ""}),
        portion("two", {"part/two.txt": "two", "part/two.py": ""}),
        portion("gone", {"part/gone.py": ""}),
    )
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "gone"))
    code = """
from importlib.resources import files
show([files("whole").joinpath("one.txt").read_text(), type(files("whole")).__name__,
      files("part").joinpath("two.txt").read_text()])
"""
    assert answer(tree, code) == ["one", "MultiplexedPath", "two"]
