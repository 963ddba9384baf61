"""The free-threaded build of CPython as a site's core: `core.python = "3.14t"`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.sites import PYTHON_FULL, SiteFolder, envc, over_wheels, python
from support.wheels import Recipe, build_all

pytestmark = pytest.mark.slow

LIBRARY = "fast/_fast.cpython-{0}-x86_64-linux-gnu.so"
RECIPES = (
    *(
        Recipe(
            name="fast",
            version="1.0",
            files={"fast/__init__.py": "", LIBRARY.format(abi.removeprefix("cp")): ""},
            tag=f"{abi.removesuffix('t')}-{abi}-linux_x86_64",
        )
        for abi in ("cp313", "cp313t", "cp314", "cp314t")
    ),
    Recipe(name="pure", version="1.0", files={"pure.py": "import sys\nx = 1\n"}),
    Recipe(name="pure", version="2.0", files={"pure.py": "import sys\nx = 2\n"}),
    Recipe(
        name="on-pure", version="1.0", requires=("pure",), files={"on_pure.py": "import pure\n"}
    ),
)
TARGET = """\
[[target]]
name = "node"
platform = "linux-x86_64"
python-full = "{full}"

"""
LAYER = '[layer.user]\nrequires = ["fast", "on-pure", "pure<2"]\n'


def site_for(folder: Path, python: str, tables: str) -> SiteFolder:
    (folder / "wheels").mkdir()
    build_all(RECIPES, folder / "wheels")
    site = SiteFolder(folder, folder / "wheels").write(over_wheels(tables))
    text = (site.folder / "envc.toml").read_text()
    before = f'python = "{PYTHON_FULL.rpartition(".")[0]}"'
    assert before in text
    (site.folder / "envc.toml").write_text(text.replace(before, python))
    return site


def test_its_wheels_are_locked_without_one(tmp_path: Path) -> None:
    site = site_for(tmp_path, 'python = "3.14t"', TARGET.format(full="3.14.1t") + LAYER)
    site.done("lock")
    lock = site.lock_text("user")
    assert "fast-1.0-cp314-cp314t-linux_x86_64.whl" in lock
    assert "fast-1.0-cp314-cp314-linux_x86_64.whl" not in lock
    assert 'python-full = "3.14.1t"' in lock
    assert 'requires-python = "==3.14.*"' in lock
    site.done("lock", "--check")


def test_the_builds_are_not_taken_for_each_other(tmp_path: Path) -> None:
    site = site_for(tmp_path, 'python = "3.14t"', TARGET.format(full="3.14.1") + LAYER)
    assert site.envc("lock").stderr == (
        "error: python-full 3.14.1 is no Python 3.14t\n"
        "   at: envc.toml:16 (target[0].python-full)\n"
        " help: make it agree with core.python\n"
    )
    site.edit(TARGET.format(full="3.14.1"), "")
    site.edit('"3.14t"', f'"3.14t"\ninterpreter = "{sys.executable}"')
    answer = site.envc("lock")
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        2,
        f"error: core.python is 3.14t, but {sys.executable} is Python {PYTHON_FULL}",
    )


def free_threaded() -> tuple[str, str]:
    """An interpreter of that build on the search path, and its X.Y; both empty if there is none."""
    for version in ("3.15t", "3.14t", "3.13t"):
        if found := shutil.which(f"python{version}"):
            return found, version
    return "", ""


@pytest.mark.skipif(not free_threaded()[0], reason="no free-threaded CPython on the search path")
def test_stacks_run_on_one(tmp_path: Path) -> None:
    interpreter, version = free_threaded()
    site = site_for(tmp_path, f'python = "{version}"\ninterpreter = "{interpreter}"', LAYER)
    site.done("lock")
    site.materialize()
    user, alice = site.target / "user", tmp_path / "alice"
    assert envc("overlay", "init", "--dir", alice, "--target", site.target).status == 0
    assert envc("overlay", "add", "pure>=2", "--dir", alice).status == 0
    code = "import sys, on_pure; print(on_pure.pure.x, sys.prefix, on_pure.__file__)"
    base = (site.target / "current/user").resolve()
    inside = f"lib/python{version}/site-packages"
    assert python(user, code).split() == ["1", str(base), f"{base}/{inside}/on_pure.py"]
    tree = (alice / "current").resolve()
    assert python(alice, code).split() == ["2", str(tree), f"{base}/{inside}/on_pure.py"]
    assert "t" in python(alice, "import sys; print(sys.abiflags)")
    assert (user / inside / LIBRARY.format("".join(version.split(".")))).exists()
    on_top = tmp_path / "on-top"
    make = (alice / "bin/python", "-m", "venv", "--without-pip", "--system-site-packages", on_top)
    subprocess.run(make, check=True)
    assert python(on_top, "import on_pure; print(on_pure.pure.x)") == "2"
    assert envc("verify", "--target", site.target).status == 0
    answer = envc("doctor", "--target", site.target)
    assert f"is Python {version.removesuffix('t')}." in answer.stdout + answer.stderr
