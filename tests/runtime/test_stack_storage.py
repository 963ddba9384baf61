"""What a process costs the storage that its overlay stands on, counted: at most 5 more path
operations than an empty virtual environment, however much of the common layers it imports.
"""

import re
import shutil
from pathlib import Path

import pytest
from stack_trees import Disk, answer, backport, masking, run

from support.wheels import Recipe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]

BUDGET = 5
COMMON = [Recipe(name=f"common{number}", version="1") for number in range(20)]
# What projects do while they are imported: versions, plugins, where things are installed.
ASK = """
import importlib.metadata as m, sysconfig
sysconfig.get_paths(), sysconfig.get_config_vars()
for number in range(20):
    assert m.version(f"common{number}") == "1"
    assert [p.name for p in m.entry_points(group="envc.plugins")] == ["own"]
assert len(list(m.distributions(name="nothing"))) == 0
"""
ASK_THE_BACKPORT = ASK.replace("importlib.metadata as m", "importlib_metadata as m")
# The one file that answers such questions is loaded for the first of them.
ANSWERS = 1


def project(folders: dict[str, Path]) -> Recipe:
    """Modules that are installed here as one project."""
    files = {
        f"{name}/{path.relative_to(folder)}": path.read_text()
        for name, folder in folders.items()
        for path in folder.rglob("*.py")
    }
    return Recipe(name="backport", version="1", files=files)


@pytest.fixture(params=[(), ("hidden",)], ids=["all", "masked"])
def overlay(request: pytest.FixtureRequest, disk: Disk) -> Path:
    """An overlay with a plugin, on twenty projects; of the base, all is visible or a part."""
    base = disk.layer(
        "user", *COMMON, project(backport(disk.interpreter)), Recipe(name="hidden", version="1")
    )
    disk.publish(base)
    plugin = Recipe(name="own", version="1", entry_points="[envc.plugins]\nown = own:main\n")
    more = [Recipe(name=f"more{number}", version="1") for number in range(3)]
    top = disk.layer("alice", plugin, *more, overlay=True)
    return disk.publish(top, masking(base, *request.param))


def touched(disk: Disk, tree: Path, code: str) -> list[str]:
    """The system calls of a run that name a path in the tree, but for the one that starts it."""
    log = disk.root / "trace"
    command = ["strace", "-f", "-s", "999", "-e", "trace=%file", "-o", log]
    done = run(*command, tree / "bin/python", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    calls = re.findall(r'^\d+ +(\w+)\([^"\n]*"([^"]+)"', log.read_text(), re.MULTILINE)
    inside = f"{tree}/"
    return [
        f"{call} {path}" for call, path in calls if path.startswith(inside) and call != "execve"
    ]


def empty(disk: Disk) -> Path:
    folder = disk.root / "empty"
    run(disk.interpreter.executable, "-m", "venv", "--without-pip", folder)
    return folder


def imports() -> str:
    names = ", ".join(recipe.name for recipe in COMMON)
    return f"""
import {names}, json, email.message
try: import nothing_at_all
except ImportError: pass
"""


def test_imports_that_the_base_satisfies_or_nothing_does_cost_nothing(overlay: Path, disk: Disk):
    alone = touched(disk, overlay, "pass")
    assert touched(disk, overlay, imports()) == alone
    assert len(alone) <= len(touched(disk, empty(disk), "pass")) + BUDGET
    assert any(f"{disk.root}/alice" in call for call in touched(disk, overlay, "import own"))


def test_questions_that_imported_projects_ask_cost_one_look(overlay: Path, disk: Disk):
    alone = touched(disk, overlay, "pass")
    for code in (ASK, ASK_THE_BACKPORT, ASK + ASK_THE_BACKPORT):
        assert len(touched(disk, overlay, imports() + code)) <= len(alone) + ANSWERS
    limit = len(touched(disk, empty(disk), "pass")) + BUDGET
    assert len(alone) + ANSWERS <= limit


def test_plain_layering_costs_something_for_everything(overlay: Path, disk: Disk):
    plain = empty(disk)
    base = disk.root / "target/user" / disk.interpreter.site_packages
    alone = len(touched(disk, plain, "pass"))
    (plain / disk.interpreter.site_packages / "base.pth").write_text(f"{base}\n")
    assert len(touched(disk, plain, imports())) > alone + len(COMMON)
    ask = ASK.replace('["own"]', "[]")
    assert len(touched(disk, plain, imports() + ask)) > alone + 2 * len(COMMON)


def test_sysconfig_is_told_the_truth(overlay: Path, disk: Disk):
    code = """
import os, sys, sysconfig
core = os.path.dirname(os.path.realpath(sys.executable))
found = [sysconfig._PROJECT_BASE == core, sysconfig.get_path("purelib")]
show([os.path.realpath.__qualname__, *found])
"""
    folder = f"{overlay}/generations/000001/{disk.interpreter.site_packages}"
    assert answer(overlay, code) == ["realpath", True, folder]
