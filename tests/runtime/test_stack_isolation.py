"""A build that shall see nothing of the stack: what pip does at the start of such a process."""

import pytest
from stack_trees import Disk, answer, masking

from support.wheels import Recipe

# It asks for the folders in its own process, and in the other what they bring.
FOLDERS = "import site; show(site.getsitepackages())"
ISOLATE = """
import os, site, sys
{start}
known = set()
for path in {folders!r}:
    site.addsitedir(path, known_paths=known)
brought = {{os.path.normcase(path) for path in sys.path[len({first}):]}}
sys.path = [path for path in original if os.path.normcase(path) not in brought]
site.addsitedir({isolated!r})
"""
# As of pip 23 and of pip 26.
WAYS = {
    "appended": ("original = sys.path[:]", "original"),
    "alone": ("original, sys.path = sys.path[:], []", "[]"),
}
SEEN = """
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
names = ("own", "beside", "common", "apart", "far", "gone", "tool")
show([[n for n in names if find_spec(n)], sorted(d.name for d in distributions()),
      sorted(getattr(sys, "runs", [])),
      sum(type(finder).__name__ == "Adapter" for finder in sys.meta_path)])
"""
COUNT = "import sys; sys.runs = getattr(sys, 'runs', []) + [{!r}]\n"


@pytest.fixture(params=[(), ("gone",)], ids=["all", "masked"])
def tree(request: pytest.FixtureRequest, disk: Disk):
    """An overlay on two layers; start-up files bring a folder of each."""

    def started(name: str, folder: str, module: str) -> Recipe:
        files = {f"{name}.py": "", f"{name}.pth": COUNT.format(name) + f"{folder}\n"}
        return Recipe(name=name, version="1", files=files | {f"{folder}/{module}.py": ""})

    far = disk.layer("system", Recipe(name="far", version="1"))
    user = disk.layer("user", started("common", "more", "apart"), Recipe(name="gone", version="1"))
    disk.publish(far)
    disk.publish(user, far)
    top = disk.layer("alice", started("own", "inside", "beside"), overlay=True)
    return disk.publish(top, masking(user, *request.param), far)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_stack_is_seen(tree, disk: Disk, way: str):
    isolated, start_up = disk.root / "isolated", disk.root / "start-up"
    isolated.mkdir()
    (isolated / "tool.py").write_text("")
    start_up.mkdir()
    start, first = WAYS[way]
    text = ISOLATE.format(
        start=start, first=first, folders=answer(tree, FOLDERS), isolated=str(isolated)
    )
    (start_up / "sitecustomize.py").write_text(text)
    seen = answer(tree, SEEN, PYTHONPATH=str(start_up))
    assert seen == [["tool"], [], ["common", "own"], 1]


def test_a_folder_of_the_stack_is_taken_in_once(tree):
    """Start-up files do not run again, those of envc in a base least of all."""
    before = answer(tree, SEEN)
    code = "import os, site, sys\npath = sys.path[:]\n"
    code += "for folder in filter(os.path.isdir, site.getsitepackages()): site.addsitedir(folder)\n"
    assert answer(tree, f"{code}assert sys.path == path, sys.path\n{SEEN}") == before
