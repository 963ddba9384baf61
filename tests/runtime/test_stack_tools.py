"""Tools that look deep into Python find a stack's modules, sources and plugins like any others."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
from stack_trees import Disk, answer, masking, run

from support.wheels import Recipe

pytestmark = pytest.mark.slow

PLUGIN = """\
import pytest

@pytest.fixture
def checked():
    left = [1, 2]
    def check(right):
        assert left == right
    return check
"""
TESTS = """\
import common, own

def test_plugin(checked):
    checked([1, 2])

def test_rewritten():
    assert common.double(2) == 5

def test_rewritten_in_the_plugin(checked):
    checked([1, 3])

def test_inherited_plugin(greeting):
    assert greeting == "hello"
"""
BASE_PLUGIN = "import pytest\n\n@pytest.fixture\ndef greeting():\n    return 'hello'\n"


def installed(*names: str) -> Recipe:
    """Projects that the tests run with, as one project of a layer."""
    files = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        origin = Path(str(spec.origin))
        package = spec.submodule_search_locations is not None
        for path in origin.parent.rglob("*.py") if package else [origin]:
            inside = path.relative_to(origin.parents[package])
            files[str(inside)] = path.read_text()
    return Recipe(name="tools", version="1", files=files)


def plugin(name: str, text: str) -> Recipe:
    points = f"[pytest11]\n{name} = {name}.plugin\n"
    files = {f"{name}/__init__.py": "", f"{name}/plugin.py": text}
    return Recipe(name=name, version="1", files=files, entry_points=points)


def common() -> Recipe:
    text = "def double(number):\n    twice = number * 2\n    return twice\n"
    return Recipe(name="common", version="1", files={"common/__init__.py": text})


@pytest.mark.parametrize("masked", [(), ("hidden",)], ids=["all", "masked"])
def test_the_inherited_pytest_rewrites_assertions_and_loads_all_plugins(
    disk: Disk, masked: tuple[str, ...]
):
    base = disk.layer(
        "user",
        installed("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments"),
        plugin("below", BASE_PLUGIN),
        plugin("hidden", "raise RuntimeError('it is masked')\n" if masked else ""),
        common(),
    )
    disk.publish(base)
    top = disk.layer("alice", plugin("own", PLUGIN), overlay=True)
    tree = disk.publish(top, masking(base, *masked))
    folder = disk.root / "project"
    folder.mkdir()
    (folder / "test_project.py").write_text(TESTS)
    done = run(tree / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", folder)
    assert done.stderr == ""
    assert "2 failed, 2 passed" in done.stdout
    assert "assert 4 == 5" in done.stdout
    assert "assert [1, 2] == [1, 3]" in done.stdout  # the plugin's own assertion, too
    assert "where 4 = <function double at" in done.stdout


def test_a_debugger_stops_in_both_layers_and_shows_their_sources(disk: Disk):
    base = disk.layer("user", common(), Recipe(name="hidden", version="1"))
    disk.publish(base)
    own = {"own/__init__.py": "import common\ndef work():\n    return common.double(21)\n"}
    top = disk.layer("alice", Recipe(name="own", version="1", files=own), overlay=True)
    tree = disk.publish(top, masking(base, "hidden"))
    program = disk.root / "program.py"
    program.write_text("import own\nprint(own.work())\n")
    site_packages = disk.interpreter.site_packages
    above = f"{tree}/generations/000001/{site_packages}/own/__init__.py"
    below = f"{disk.root}/target/generations/000001/user/{site_packages}/common/__init__.py"
    done = subprocess.run(
        [tree / "bin/python", "-m", "pdb", program],
        input=f"break {above}:3\ncontinue\nbreak {below}:2\ncontinue\ncontinue\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"> {above}(3)work()\n-> return common.double(21)\n" in done.stdout
    assert f"> {below}(2)double()\n-> twice = number * 2\n" in done.stdout
    assert "42\n" in done.stdout


def test_tracing_sees_the_lines_of_both_layers(disk: Disk):
    base = disk.layer("user", common())
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", Recipe(name="own", version="1"), overlay=True), base)
    code = """
import common, inspect, linecache, sys
seen = []
def trace(frame, event, argument):
    if event == "line":
        seen.append(linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip())
    return trace
sys.settrace(trace)
common.double(1)
sys.settrace(None)
show([seen[:2], inspect.getsource(common.double).count("twice")])
"""
    assert answer(tree, code) == [["twice = number * 2", "return twice"], 2]


def test_the_user_site_stays_out(disk: Disk):
    base = disk.layer("user", common())
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", Recipe(name="own", version="1"), overlay=True), base)
    folder = disk.root / "home/.local" / disk.interpreter.site_packages
    folder.mkdir(parents=True)
    (folder / "leak.py").write_text("")
    (folder / "leak.pth").write_text("import sys; sys.leaked = True\n")
    code = "import importlib.util as u, sys\n"
    code += "found = [bool(u.find_spec('leak')), hasattr(sys, 'leaked')]"
    home = {"HOME": str(disk.root / "home")}
    control = run(disk.interpreter.executable, "-c", f"{code}; print(found)", **home)
    assert control.stdout == "[True, True]\n"
    for place in (tree, disk.root / "target/user"):
        assert answer(place, f"{code}; show(found)", **home) == [False, False]
