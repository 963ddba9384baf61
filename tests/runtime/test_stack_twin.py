"""A stack and a flat environment of the same wheels: a process gets equal answers.

The real one, of 250 projects of an index: `make trial-twin`.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from stack_trees import Disk, destination, masking, write

from support.twin import START_UP, differences, seen_by, unexpected
from support.wheels import Recipe


def recipe(name: str, version: str, *paths: str, requires: tuple[str, ...] = ()) -> Recipe:
    """A wheel with these files, each with its own path as its text."""
    texts = {path: f"path = {path!r}\n" for path in paths}
    points = f"[twin]\n{name} = {name.replace('-', '_')}:main\n"
    return Recipe(
        name=name,
        version=version,
        files=texts,
        requires=requires,
        entry_points=points,
        console_scripts={f"{name}-tool": f"{name.replace('-', '_')}:main"},
    )


SYSTEM = (
    recipe("six", "1.16", "six.py"),
    recipe("tool", "1.0", "tool/__init__.py", "tool/data/a.txt", "tool/sub/b.py", "tool/c.json"),
    recipe("split-a", "1.0", "split/a/__init__.py", "split/top.txt", "split/deep/a.py"),
    recipe("gone", "1.0", "gone/__init__.py", "split/gone/__init__.py", "split/deep/gone.py"),
)
USER = (
    recipe("core", "1.0", "core/__init__.py", "core/old.py", "core/include/core.h", "core/x.pxd"),
    recipe("near", "1.0", "near/__init__.py", "near/py.typed", requires=("core<2",)),
    recipe("split-b", "1.0", "split/b.py", "split/deep/b/__init__.py", "split/deep/b.txt"),
    recipe("mypyc", "1.0", "6ec5__mypyc.py", "my-mod.py", "2pkg/__init__.py", "pure.pyi"),
    recipe("data-only", "1.0", "things/a/b.bin", "things/c.txt"),
    Recipe(
        name="shared",
        version="1.0",
        files={
            "shared.py": "",
            "shared-1.0.data/data/share/shared/x.txt": "x",
            "shared-1.0.data/scripts/shared-script": "#!python\nprint('shared')\n",
        },
    ),
)
GROUP = (
    recipe("split-c", "1.0", "split/c.py", "split/a_more.txt"),
    recipe("tool", "2.0", "tool/__init__.py", "tool/data/b.txt", "tool/new.py"),
)
MINE = (
    recipe("core", "2.0", "core/__init__.py", "core/new.py", "core/include/core.h"),
    recipe("near", "2.0", "near/__init__.py", "near/py.typed", requires=("core>=2",)),
    recipe("split-d", "1.0", "split/deep/d.py", "split/deep/e/f.py"),
)
WALKED = ("split", "tool", "core", "near")


@dataclass(frozen=True)
class Twins:
    """The interpreters of both, and the folder of the editable project."""

    stack: Path
    flat: Path
    editable: Path


@pytest.fixture
def twins(disk: Disk) -> Twins:
    editable = disk.root / "work" / "src"
    write(editable / "own" / "__init__.py", b"", 0o644)
    write(editable / "own" / "data.txt", b"x", 0o644)
    write(editable / "own_module.py", b"", 0o644)
    own = Recipe(name="own", version="0.1", files={"__editable__own.pth": f"{editable}\n"})
    system = disk.layer("system", *SYSTEM)
    user = disk.layer("user", *USER)
    group = disk.layer("group", *GROUP, overlay=True)
    mine = disk.layer("mine", *MINE, own, overlay=True)
    disk.publish(system)
    disk.publish(user, system)
    disk.publish(group, user, masking(system, "tool"))
    tree = disk.publish(
        mine,
        group,
        masking(user, "core", "near"),
        masking(system, "tool", "gone"),
    )
    masked = {"tool": "2.0", "core": "2.0", "near": "2.0", "gone": None}
    visible = [
        each
        for each in (*MINE, own, *GROUP, *USER, *SYSTEM)
        if masked.get(each.name, each.version) == each.version
    ]
    flat = disk.root / "flat"
    words = ("-m", "venv", "--without-pip", flat)
    subprocess.run([disk.interpreter.executable, *words], check=True)
    for each in visible:
        unpack(each, flat, disk.interpreter.site_packages)
    return Twins(tree / "bin/python", flat / "bin/python", editable)


def unpack(wheel: Recipe, tree: Path, site_packages: str) -> None:
    """Install it as the trees of a disk have it."""
    for member, content in wheel.members().items():
        write(tree / destination(member, site_packages), content, 0o644)
    rows = "".join(f"{member},,\n" for member in wheel.members())
    write(tree / site_packages / f"{wheel.stem}.dist-info/RECORD", rows.encode(), 0o444)


def test_a_stack_shows_what_a_flat_environment_shows(twins: Twins) -> None:
    stack = seen_by(twins.stack, twins.editable, walk=WALKED)
    flat = seen_by(twins.flat, twins.editable, walk=WALKED)
    modules = {"own_module", "my-mod", "split.deep.d", "split.deep.e.f", "core.new", "tool.new"}
    assert modules <= stack["modules"].keys()
    assert stack["modules"].keys().isdisjoint({"gone", "split.gone", "core.old", "tool.sub"})
    found = unexpected(differences(stack, flat), START_UP)
    assert found == [], "\n".join(found)
