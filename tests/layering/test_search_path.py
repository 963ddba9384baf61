"""The order of `sys.path`, the files that change it at start-up, and what asking it costs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plain import environment, install, output, wheel

from support.sites import PYTHON, SITE_PACKAGES, envc, envc_process

pytestmark = pytest.mark.slow


def test_the_base_never_hides_the_overlay(plain, world, wheels):
    base, top = plain
    install(top, wheel(wheels, "numpy-2.0.0"))
    code = "import numpy; print(numpy.__version__)"
    assert output(top / "bin/python", "-c", code, PYTHONPATH=str(base / SITE_PACKAGES)) == "1.26.4"

    assert output(world.alice / "bin/python", "-c", code) == "2.0.0"
    answer = envc_process(
        *("run", "--overlay", world.alice, "--", "true"),
        cwd=world.alice,
        environment={"PYTHONPATH": "/base", "LD_LIBRARY_PATH": "/libraries"},
    )
    assert (answer.status, answer.stderr) == (
        0,
        (
            "warning: PYTHONPATH is set, and goes before the stack: /base\n"
            "warning: LD_LIBRARY_PATH is set, and goes before the stack: /libraries\n"
        ),
    )


def test_what_easy_install_wrote_in_the_base_hides_nothing_above(plain, own_world, wheels):
    """Its file moves the folders that it adds to the front of the path, whoever stands there."""
    base, top = plain
    install(base, wheel(wheels, "eggs-1.0"))
    install(top, wheel(wheels, "numpy-2.0.0"))
    line = f"import site; site.addsitedir({str(base / SITE_PACKAGES)!r})\n"
    (top / SITE_PACKAGES / "base.pth").write_text(line)  # a plain line would not run that file
    code = "import numpy; print(numpy.__version__)"
    paths_come_first = sys.version_info >= (3, 15)  # then the file finds nothing to move
    assert output(top / "bin/python", "-c", code) == ("2.0.0" if paths_come_first else "0.9")

    site = own_world.site
    site.edit('"pandas", ', '"pandas", "eggs", ')
    site.done("lock")
    site.materialize()
    assert envc("overlay", "sync", "--dir", own_world.alice).status == 0
    found = "; import egg_of_old; print(egg_of_old.__file__)"
    version, path = output(own_world.alice / "bin/python", "-c", code + found).split()
    assert (version, path.startswith(str(own_world.user.resolve()))) == ("2.0.0", True)
    assert output(own_world.user / "bin/python", "-c", code) == "1.26.4"


def test_start_up_files_of_the_base_run_exactly_once(plain, world):
    _, top = plain
    code = "import sys; print(getattr(sys, 'linked', 0), end=' '); import linked; print(True)"
    done = subprocess.run([top / "bin/python", "-c", code], capture_output=True, text=True)  # noqa: PLW1510 - its failure is the point
    assert done.stdout == "0 "
    assert "No module named 'linked'" in done.stderr

    for tree in (world.alice, world.user):
        assert output(tree / "bin/python", "-c", code) == "1 True"


# What Python 3.18 is to do (PEP 829), as far as the Pythons of today can be told to: `import` lines
# of `.pth` files do nothing, and the functions that `.start` files name are called after all of
# them. No such interpreter is here; this is its `site`.
LATER = """\
import importlib, os, site, sys
starts = []
def addpackage(folder, name, known):
    with open(os.path.join(folder, name)) as file:
        lines = [line.strip() for line in file if not line.startswith(("import ", "#"))]
    sys.path += [path for path in lines if os.path.exists(path)]
def addsitedir(folder, known=None):
    if folder not in sys.path:
        sys.path.append(folder)
        names = sorted(os.listdir(folder))
        for name in names:
            if name.endswith(".pth"): addpackage(folder, name, known)
        starts.extend(os.path.join(folder, name) for name in names if name.endswith(".start"))
if hasattr(site, "StartupState"):
    site.StartupState._exec_imports = lambda self: None
else:
    site.addpackage, site.addsitedir = addpackage, addsitedir
site.main()
for path in starts:
    for line in open(path).read().split():
        module, _, function = line.partition(":")
        getattr(importlib.import_module(module), function)()
import importlib.util as u
print(*(name for name in ("pandas", "polars") if u.find_spec(name)))
"""


def test_what_import_lines_join_falls_apart(plain, own_world):
    """The control layers as tools do that need the base's own `.pth` files to run."""
    base, top = plain
    line = f"import site; site.addsitedir({str(base / SITE_PACKAGES)!r})\n"
    (top / SITE_PACKAGES / "base.pth").write_text(line)
    now = "import importlib.util as u; print(bool(u.find_spec('pandas')))"
    assert output(top / "bin/python", "-c", now) == "True"
    assert output(top / "bin/python", "-S", "-c", LATER) == ""

    for tree, names in ((own_world.alice, "pandas polars"), (own_world.user, "pandas")):
        # the trees of that Python have it in place of the `.pth` file
        (tree / SITE_PACKAGES / "+envc_stack.start").write_text("_envc_start:start\n")
        assert output(tree / "bin/python", "-S", "-c", LATER) == names


def test_the_user_site_never_leaks_in(world, tmp_path):
    home = tmp_path / "home"
    leak = home / f".local/lib/python{PYTHON}/site-packages"
    leak.mkdir(parents=True)
    (leak / "leak.py").write_text("")
    code = "import importlib.util, site; print(bool(importlib.util.find_spec('leak')))"
    core = os.path.realpath(world.alice / "bin/python")
    assert output(core, "-c", code, HOME=str(home)) == "True"

    for tree in (world.alice, world.user):
        assert output(tree / "bin/python", "-c", code, HOME=str(home)) == "False"
        words = ("--overlay", world.alice, "--", "python", "-c", code)
        variables = {"HOME": str(home), "PYTHONUSERBASE": str(home / ".local")}
        answer = envc_process("run", *words, cwd=tmp_path, environment=variables)
        assert answer.stdout == "False\n"


def test_the_backport_does_not_bring_back_what_is_masked(plain, world, wheels):
    _, top = plain
    install(top, wheel(wheels, "numpy-2.0.0"))
    code = (
        "import importlib_metadata as m\n"
        "print(*sorted(d.version for d in m.distributions() if d.name == 'numpy'))"
    )
    assert output(top / "bin/python", "-c", code) == "1.26.4 2.0.0"
    assert output(world.alice / "bin/python", "-c", code) == "2.0.0"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_imports_from_the_base_do_not_touch_the_overlays_storage(plain, world, tmp_path):
    _, top = plain
    imports = "import pandas, six, report, headers, json, email.message"
    few, many = (paths_touched(top, code, tmp_path) for code in ("pass", imports))
    assert many >= few + 4
    few, many = (paths_touched(world.alice, code, tmp_path) for code in ("pass", imports))
    assert many == few
    assert few <= paths_touched(environment(tmp_path / "empty"), "pass", tmp_path) + 5


def paths_touched(tree: Path, code: str, folder: Path) -> int:
    """How many system calls name a path in the tree."""
    log = folder / "trace"
    trace = ("strace", "-f", "-s", "999", "-e", "trace=%file", "-o", log)
    output(*trace, tree / "bin/python", "-c", code)
    return len(re.findall(rf'^\d+ +(?!execve)\w+\([^"\n]*"{tree}/', log.read_text(), re.MULTILINE))
