"""Whoever lists the folders of `sys.path` by himself sees what imports see."""

import sys

import pytest
from stack_trees import Disk, answer, masking, run

from support.wheels import Recipe

LISTED = """
import os, sys
entries = [e for e in sys.path if "site-packages" in e or "/bases/" in e]
def walk(folder, inside=""):
    for name in sorted(os.listdir(folder)):
        path, below = os.path.join(folder, name), inside + name
        if name.startswith(("_envc", "+envc")) or name == "__pycache__": continue
        if os.path.isdir(path): yield from walk(path, below + "/")
        else: yield below
show([[os.path.isdir(e) for e in entries], [list(walk(e)) for e in entries]])
"""


def project(name: str, *files: str, version: str = "1") -> Recipe:
    return Recipe(name=name, version=version, files=dict.fromkeys(files, "") or {f"{name}.py": ""})


def metadata(name: str, version: str = "1") -> list[str]:
    folder = f"{name}-{version}.dist-info"
    return [f"{folder}/METADATA", f"{folder}/RECORD", f"{folder}/WHEEL"]


@pytest.fixture
def base(disk: Disk):
    """Projects that are one module, a package with data, and portions of shared folders."""
    layer = disk.layer(
        "user",
        project("num", "num/__init__.py", "num_old.py", "num.pth"),
        project("sci", "sci/__init__.py", "sci/api.pxd", "sci/deep/a.txt"),
        project("ns_a", "ns/a/__init__.py", "ns/a.txt", "ns/deep/a/x.py", "ns/deep/both.txt"),
        project("ns_b", "ns/b/__init__.py", "ns/b.txt", "ns/deep/b/x.py", "ns/deep/both.txt"),
        project("one"),
    )
    disk.publish(layer)
    return layer


def test_a_masked_base_is_a_folder_of_what_is_visible(disk: Disk, base):
    own = project("num", "num/__init__.py", version="2")
    tree = disk.publish(disk.layer("alice", own, overlay=True), masking(base, "num", "ns-b"))
    folders, (of_overlay, of_base) = answer(tree, LISTED)
    assert folders == [True, True]
    assert of_overlay == ["num/__init__.py", *metadata("num", "2")]
    assert of_base == sorted(
        [
            *("sci/__init__.py", "sci/api.pxd", "sci/deep/a.txt", "one.py"),
            *("ns/a/__init__.py", "ns/a.txt", "ns/deep/a/x.py", "ns/deep/both.txt"),
            *metadata("sci"),
            *metadata("ns_a"),
            *metadata("one"),
        ],
        key=lambda path: path.split("/"),
    )


def test_a_base_without_anything_visible_is_a_folder_too(disk: Disk):
    base = disk.layer("user", project("one"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "one"))
    assert answer(tree, LISTED) == [[True, True], [[], []]]


def test_bases_of_one_name_have_folders_of_their_own(disk: Disk, base):
    """An overlay may be called as what it stands on."""
    middle = disk.layer("user", project("mid"), project("gone"), overlay=True)
    disk.publish(middle, masking(base, "num"))
    top = disk.layer("alice", overlay=True)
    tree = disk.publish(top, masking(middle, "gone"), masking(base, "num", "sci", "ns-a", "ns-b"))
    assert answer(tree, LISTED)[1][1:] == [
        [*metadata("mid"), "mid.py"],
        [*metadata("one"), "one.py"],
    ]


def test_a_common_layer_shows_its_base_by_paths_that_move_along(disk: Disk, base):
    upper = disk.layer("gpu", project("own"))
    disk.publish(upper, masking(base, "num", "ns-b", "sci", "ns-a"), number=2)
    target = disk.root / "target"
    target.rename(disk.root / "moved")
    listed = answer(disk.root / "moved/gpu", LISTED)[1]
    assert listed == [[*metadata("own"), "own.py"], [*metadata("one"), "one.py"]]


def test_programs_and_environments_on_top_see_the_same(disk: Disk, base):
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "num", "ns-b"))
    listed = answer(tree, LISTED)[1]
    new = disk.root / "venv"
    options = ("--without-pip", "--system-site-packages")
    assert run(tree / "bin/python", "-m", "venv", *options, new).returncode == 0
    assert answer(new, LISTED)[1] == [[], *listed]
    again = disk.root / "again"
    assert run(new / "bin/python", "-m", "venv", *options, again).returncode == 0
    assert answer(again, LISTED)[1][-1] == listed[-1]


DISTRIBUTIONS = """
import importlib, sys
from importlib.metadata import distributions, files
importlib.invalidate_caches()
show([sorted(d.name for d in distributions()),
      sorted({str(f.locate()).rpartition("/lib/")[0] for f in files("one")})])
"""


def test_metadata_of_a_base_is_where_the_base_is(disk: Disk, base):
    """Else tools take it for the overlay's own, and remove the links at an uninstall."""
    tree = disk.publish(
        disk.layer("alice", project("own"), overlay=True), masking(base, "num", "ns-b")
    )
    names = ["ns_a", "one", "own", "sci"]
    base_tree = f"{disk.root}/target/generations/000001/user"
    site_packages = tree.resolve() / disk.interpreter.site_packages
    for changed in (False, True):
        if changed:
            (site_packages / "by_hand.py").write_text("")
        assert answer(tree, DISTRIBUTIONS) == [names, [base_tree]]


def test_another_python_without_the_hook_finds_what_is_visible(disk: Disk, base):
    """A tool hands `sys.path` to a process of its own: a type checker, a language server."""
    if disk.interpreter.version != "{}.{}".format(*sys.version_info):
        pytest.skip("one Python without the hook is enough")
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "num", "ns-b"))
    path = ":".join(entry for entry in answer(tree, "import sys; show(sys.path)") if entry)
    code = """
import importlib.util
def there(name):
    try: return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError: return False
names = ("num", "num_old", "sci", "sci.deep", "one", "ns.a", "ns.b", "ns.deep.b")
print([name for name in names if there(name)])
"""
    done = run(sys.executable, "-S", "-c", code, PYTHONPATH=path)
    assert done.stdout == "['sci', 'sci.deep', 'one', 'ns.a']\n", done.stderr
