"""How layers of Python environments fail, each shown twice: plain layering does, envc does not.

| failure | here |
|---|---|
| an upgrade of the common layer meets users' own versions | `test_an_upgrade_below…` |
| a user's layer hides what the administrator updated | `test_a_shadow_is_told…` |
| paths name one version of the core | `test_another_core_is_refused` |
| headers of inherited projects are not found | `test_headers_and_other_data…` |
| removing it leaves a line in shell start-up files | `test_nothing_is_left_in_a_persons_home` |
| the package manager does not know what pip installed | `test_what_pip_installs_by_hand…` |
| tools make environments that do not see the stack | `test_a_virtual_environment_on_top…` |
| people activate the wrong one of two layers | out of scope: a question of words |
| a foreign language's bridge finds no stack | out of scope: it starts `bin/python`, or embeds it |
| easy_install writes to the wrong layer | out of scope: nobody uses it any more |
| pip upgrades above and breaks what is below | `test_an_upgrade_above…` |
| uv ignores inherited packages | out of scope: uv's choice; a flat environment serves it |
| inherited commands run the parent's interpreter | `test_inherited_commands…` |
| a base on PYTHONPATH hides the user's layer | `test_the_base_never_hides…` |
| shared libraries across layers | `test_libraries` |
| a venv of a venv sees the core only | `test_a_virtual_environment_on_top…` |
| an update of the parent reaches the child | `test_an_upgrade_below…`, `test_while_it_runs` |
| nodes or processes of one job see different states | `test_one_job`, `test_while_it_runs` |
| a package that two projects share is replaced in part | `test_a_package_of_two_projects…` |
| circular parents | `test_layers_cannot_stand_on_each_other` |

And what goes wrong in every scheme: what only the replaced release has stays importable and its
plugins are loaded, the user site, the parent's `.pth` files, the backport of `importlib.metadata`,
stat calls on shared storage.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from plain import environment, install, output, pip, uninstall

from support.sites import PYTHON, SITE_PACKAGES, envc, envc_process

pytestmark = pytest.mark.slow

VERSIONS = "import numpy, scipy; print(numpy.__version__, scipy.__version__)"
CONSISTENT = """
import sys
from importlib.metadata import distributions
from json import dumps
print(dumps([[d.name, d.version, d.requires or []] for d in distributions()]))
"""


def broken(python: Path) -> list[str]:
    """The requirements that what a process sees does not meet, and projects that it sees twice."""
    from packaging.requirements import Requirement

    found = json.loads(output(python, "-c", CONSISTENT))
    versions: dict[str, str] = {}
    faults = []
    for name, version, _ in found:
        if versions.setdefault(name, version) != version:
            faults.append(f"{name} twice")
    for name, _, requires in found:
        faults += [
            f"{name}: {requirement}"
            for requirement in map(Requirement, requires)
            if not requirement.specifier.contains(versions.get(requirement.name, "0"))
        ]
    return faults


@pytest.fixture
def plain(tmp_path, wheels):
    """A base like the layer `user`, and an environment on it, by a `.pth`."""
    names = ("numpy-1.26.4", "scipy-1.11.0", "pandas-2.2.0", "six-1.17.0", "report-1.0")
    names += ("linked-1.0", "headers-1.0", "importlib_metadata-9.0")
    base = environment(tmp_path / "base", *(wheel(wheels, name) for name in names))
    return base, environment(tmp_path / "top", on=base)


def wheel(wheels: Path, name: str) -> Path:
    return wheels / f"{name}-py3-none-any.whl"


def test_an_upgrade_above_does_not_break_what_is_below(plain, world, wheels):
    _, top = plain
    words = ("install", "--quiet", "--no-index", "--find-links", wheels, "numpy==2.0.0")
    done = pip(top, *words)
    assert done.returncode == 0
    assert pip(top, "check").returncode == 1
    assert output(top / "bin/python", "-c", VERSIONS) == "2.0.0 1.11.0"

    python = world.alice / "bin/python"
    assert output(python, "-c", VERSIONS) == "2.0.0 1.14.0"
    assert pip(world.alice, "check").stdout == "No broken requirements found.\n"
    assert broken(python) == []


def test_an_upgrade_below_waits_until_the_overlay_is_compiled_for_it(plain, own_world, wheels):
    base, top = plain
    install(top, wheel(wheels, "old_numpy_user-1.0"))
    assert broken(top / "bin/python") == []
    uninstall(base, "numpy*")
    install(base, wheel(wheels, "numpy-2.0.0"))
    assert "old-numpy-user: numpy<2" in broken(top / "bin/python")

    site, bob = own_world.site, own_world.site.root / "bob"
    envc("overlay", "init", "--dir", bob, "--target", site.target)
    assert envc("overlay", "add", "old-numpy-user", "--dir", bob).status == 0
    site.edit('"numpy<2"', '"numpy>=2"')
    site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    site.done("lock")
    site.materialize()
    assert output(site.target / "user/bin/python", "-c", VERSIONS) == "2.0.0 1.14.0"
    assert output(bob / "bin/python", "-c", VERSIONS) == "1.26.4 1.11.0"
    assert broken(bob / "bin/python") == []
    report = envc("overlay", "sync", "--dir", bob, "--json").json
    assert report["shadows"] == ["numpy"]
    assert broken(bob / "bin/python") == []


def test_another_core_is_refused(plain, world, other_core, tmp_path):
    base, _ = plain
    output(other_core, "-m", "venv", "--without-pip", tmp_path / "other")
    (folder,) = (tmp_path / "other/lib").glob("python3*/site-packages")
    (folder / "base.pth").write_text(f"{base / SITE_PACKAGES}\n")
    code = "import numpy; print(numpy.__version__)"
    assert output(tmp_path / "other/bin/python", "-c", code) == "1.26.4"  # nobody objects

    code = f"import site; site.addsitedir({str(world.alice / SITE_PACKAGES)!r}); print('never')"
    done = subprocess.run([other_core, "-c", code], capture_output=True, text=True, check=False)
    running = output(other_core, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    tree = (world.alice / "current").resolve()
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        (
            f"envc: {tree}: compiled for cpython {PYTHON}, but cpython {running} runs it\n"
            f"  mend: start {tree}/bin/python, or build the tree again with the core that is"
            " wanted\n"
        ),
    )


def test_nothing_is_left_in_a_persons_home(own_world, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    words = ("--overlay", own_world.alice, "--", "python", "-c", "import polars")
    assert envc("overlay", "add", "theme", "--dir", own_world.alice).status == 0
    assert envc_process("run", *words, cwd=tmp_path).status == 0
    assert list(home.iterdir()) == []


def test_what_pip_installs_by_hand_is_told(plain, own_world, wheels):
    _, top = plain
    alice = own_world.alice
    words = ("install", "--quiet", "--no-index", "--find-links", wheels, "theme")
    for folder in (top, alice):
        assert pip(folder, *words).returncode == 0
    assert pip(top, "check").stdout == "No broken requirements found.\n"  # all is well, it says

    answer = envc("verify", "--target", alice, "--json")
    found = {(problem["kind"], problem["path"]) for problem in answer.json["problems"]}
    assert answer.status == 1
    assert found == {
        ("extra", f"{SITE_PACKAGES}/theme"),
        ("extra", f"{SITE_PACKAGES}/theme-1.0.dist-info"),
        ("extra", "share"),
    }
    assert output(alice / "bin/python", "-c", "import theme; print(theme.__version__)") == "1.0"


def test_a_package_of_two_projects_is_replaced_whole(plain, own_world, wheels):
    base, top = plain
    for name in ("suite_core-1.0", "suite_extra-1.0"):
        install(base, wheel(wheels, name))
    install(top, wheel(wheels, "suite_core-2.0"))
    code = "import suite.extra; print(suite.extra.core)"
    done = subprocess.run([top / "bin/python", "-c", code], capture_output=True, text=True)  # noqa: PLW1510 - its failure is the point
    assert "No module named 'suite.extra'" in done.stderr

    site = own_world.site
    site.edit('"pandas", ', '"pandas", "suite-core<2", "suite-extra", ')
    site.done("lock")
    site.materialize()
    words = ("--dir", own_world.alice, "--json")
    report = envc("overlay", "add", "suite-core>=2", *words).json
    assert (report["shadows"], report["lifts"]) == (
        ["numpy", "suite-core"],
        ["scipy", "suite-extra"],
    )
    assert output(own_world.alice / "bin/python", "-c", code) == "2"
    assert output(own_world.user / "bin/python", "-c", code) == "1"
    assert broken(own_world.alice / "bin/python") == []
    report = envc("overlay", "remove", "suite-core", *words).json
    assert (report["shadows"], report["lifts"]) == (["numpy"], ["scipy"])
    assert output(own_world.alice / "bin/python", "-c", code) == "1"


SEEN = """
import importlib.util
from importlib.metadata import distributions
points = [p.name for d in distributions() for p in d.entry_points if p.group == "moved.plugins"]
print(*(name for name in ("moved", "moved_old") if importlib.util.find_spec(name)), *points)
"""


def test_what_only_the_replaced_release_has_is_gone(plain, own_world, wheels):
    base, top = plain
    install(base, wheel(wheels, "moved-1.0"))
    install(top, wheel(wheels, "moved-2.0"))
    assert output(top / "bin/python", "-c", SEEN) == "moved moved_old new old"

    site = own_world.site
    site.edit('"pandas", ', '"pandas", "moved<2", ')
    site.done("lock")
    site.materialize()
    assert envc("overlay", "add", "moved>=2", "--dir", own_world.alice).status == 0
    assert output(own_world.user / "bin/python", "-c", SEEN) == "moved moved_old old"
    assert output(own_world.alice / "bin/python", "-c", SEEN) == "moved new"


def test_a_shadow_is_told_and_ends_with_its_reason(plain, own_world, wheels):
    base, top = plain
    install(top, wheel(wheels, "six-1.16.0"))
    uninstall(base, "six*")
    install(base, wheel(wheels, "six-1.17.0"))
    code = "import six; print(six.__version__)"
    assert output(top / "bin/python", "-c", code) == "1.16.0"  # nobody is told

    words = ("--dir", own_world.alice, "--json")
    assert envc("overlay", "add", "six<1.17", *words).json["shadows"] == ["numpy", "six"]
    python = own_world.alice / "bin/python"
    assert output(python, "-c", code) == "1.16.0"
    assert output(own_world.user / "bin/python", "-c", code) == "1.17.0"
    assert envc("overlay", "remove", "six", *words).json["shadows"] == ["numpy"]
    assert output(python, "-c", code) == "1.17.0"


def test_inherited_commands_run_the_overlays_interpreter(plain, world):
    base, top = plain
    assert not (top / "bin/report").exists()
    seen = json.loads(output("report", PATH=f"{top}/bin:{base}/bin:/usr/bin:/bin"))
    assert seen["prefix"] == str(base)

    seen = json.loads(output("report", PATH=f"{world.alice}/bin:/usr/bin:/bin"))
    assert seen["prefix"] == str((world.alice / "current").resolve())
    assert seen["projects"]["polars"] == "1.0.0"
    assert output(world.alice / "bin/headers-tool") == seen["prefix"]
    assert output(world.user / "bin/headers-tool") == str(world.user.resolve())
    assert output(world.alice / "bin/headers-shell") == "shell"
    assert (world.alice / "bin/headers-shell").is_symlink()


def test_headers_and_other_data_stand_below_the_prefix(plain, world):
    _, top = plain
    assert not (top / "include/headers.h").exists()
    assert (world.alice / "include/headers.h").read_text() == "#define HERE\n"


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


def test_start_up_files_of_the_base_run_exactly_once(plain, world):
    _, top = plain
    code = "import sys; print(getattr(sys, 'linked', 0), end=' '); import linked; print(True)"
    done = subprocess.run([top / "bin/python", "-c", code], capture_output=True, text=True)  # noqa: PLW1510 - its failure is the point
    assert done.stdout == "0 "
    assert "No module named 'linked'" in done.stderr

    for tree in (world.alice, world.user):
        assert output(tree / "bin/python", "-c", code) == "1 True"


def test_the_backport_does_not_bring_back_what_is_masked(plain, world, wheels):
    _, top = plain
    install(top, wheel(wheels, "numpy-2.0.0"))
    code = (
        "import importlib_metadata as m\n"
        "print(*sorted(d.version for d in m.distributions() if d.name == 'numpy'))"
    )
    assert output(top / "bin/python", "-c", code) == "1.26.4 2.0.0"
    assert output(world.alice / "bin/python", "-c", code) == "2.0.0"


def test_a_virtual_environment_on_top_sees_the_whole_stack(plain, world, tmp_path):
    base, _ = plain
    code = "import importlib.util as u; print(*(n for n in ('polars', 'pandas') if u.find_spec(n)))"
    make = ("-m", "venv", "--without-pip", "--system-site-packages")
    output(base / "bin/python", *make, tmp_path / "plain")
    assert output(tmp_path / "plain/bin/python", "-c", code) == ""

    output(world.alice / "bin/python", *make, tmp_path / "new")
    assert output(tmp_path / "new/bin/python", "-c", code) == "polars pandas"
    assert broken(tmp_path / "new/bin/python") == []
    output(world.alice / "bin/python", *make[:-1], tmp_path / "isolated")
    assert output(tmp_path / "isolated/bin/python", "-c", code) == ""


def test_layers_cannot_stand_on_each_other(own_world, wheels, tmp_path):
    one, two = environment(tmp_path / "one"), environment(tmp_path / "two")
    for folder, other in ((one, two), (two, one)):
        (folder / SITE_PACKAGES / "base.pth").write_text(f"{other / SITE_PACKAGES}\n")
    code = "import sys; print(sum('site-packages' in entry for entry in sys.path))"
    assert output(one / "bin/python", "-c", code) == "2"  # nobody objects

    alice, bob = own_world.alice, own_world.site.root / "bob"
    bob.mkdir()
    text = 'version = 1\n[overlay]\nname = "{}"\nbase = "{}"\nbase-dir = "{}"\nrequires = []\n'
    (bob / "overlay.toml").write_text(text.format("bob", "alice", alice))
    words = ("--target", own_world.site.target)
    assert envc("overlay", "sync", "--dir", bob, *words).status == 0
    (alice / "overlay.toml").write_text(text.format("alice", "bob", bob))
    answer = envc("overlay", "sync", "--dir", alice, *words)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlays stand on each other in a circle: alice → bob → alice\n"
            f"   at: {alice}/overlay.toml\n"
            " mend: let one of them stand on a common layer\n"
        ),
    )


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
