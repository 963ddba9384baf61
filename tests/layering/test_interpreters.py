"""Which interpreter runs, whose path somebody wrote down, and what stands below its prefix."""

import getpass
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig

import pytest
from plain import broken, install, output, uv, wheel

from support.sites import PYTHON, SITE_PACKAGES, envc, envc_process

pytestmark = pytest.mark.slow


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
            f"  help: start {tree}/bin/python, or build the tree again with the core that is"
            " wanted\n"
        ),
    )


def test_the_paths_that_people_name_outlive_the_core(own_world, tmp_path):
    """Canopy's core stood in a folder with its version, and so did what people wrote down."""
    old, new = tmp_path / "core-1.0", tmp_path / "core-2.0"
    (old / "bin").mkdir(parents=True)
    (old / "bin/python3").symlink_to(os.path.realpath(sys.executable))
    output(old / "bin/python3", "-m", "venv", "--without-pip", tmp_path / "plain")
    site, alice, user = own_world.site, own_world.alice, own_world.user
    site.edit(f'python = "{PYTHON}"', f'python = "{PYTHON}"\ninterpreter = "{old}/bin/python3"')
    site.done("lock")
    site.materialize()
    assert envc("overlay", "sync", "--dir", alice).status == 0
    code = "import numpy; print(numpy.__version__)"
    assert output(alice / "bin/python", "-c", code) == "2.0.0"
    old.rename(new)

    assert not (tmp_path / "plain/bin/python").exists()  # and nobody says what to do
    site.edit(str(old), str(new))
    site.materialize()
    assert output(user / "bin/python", "-c", code) == "1.26.4"
    words = ("run", "--overlay", alice, "--", "python", "-c", code)
    answer = envc_process(*words, cwd=tmp_path)
    assert (answer.status, answer.stdout, answer.stderr) == (
        1,
        "",
        (
            f"error: the interpreter that this tree was built for is gone: {old}/bin/python3\n"
            f"   at: {(alice / 'current').resolve()}\n"
            f" help: build it for the core that is here (`envc overlay sync --dir {alice}`), or "
            "bring that core back\n"
        ),
    )
    (site.storage / getpass.getuser()).mkdir(parents=True)
    (site.storage / getpass.getuser() / "alice").symlink_to(alice)
    (entry,) = envc("overlay", "list", "--target", site.target, "--json").json["overlays"]
    mend = f"run `envc overlay sync --dir {entry['folder']}`"
    why = f"its interpreter {old}/bin/python3 is not there any more; {mend}"
    assert (entry["state"], entry["why"]) == ("base gone", why)
    assert envc("overlay", "sync", "--dir", alice).status == 0
    assert output(alice / "bin/python", "-c", code) == "2.0.0"


def test_headers_and_other_data_stand_below_the_prefix(plain, world):
    _, top = plain
    assert not (top / "include/headers.h").exists()
    assert (world.alice / "include/headers.h").read_text() == "#define HERE\n"


WHERE = "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'])"
HAS = "import importlib.util as u; print(*(n for n in ('report', 'theme') if u.find_spec(n)))"


def test_nobody_has_to_choose_which_layer_to_activate(plain, own_world, wheels, tmp_path):
    base, top = plain
    install(top, wheel(wheels, "theme-1.0"))
    script = f". {base}/bin/activate; exec python -c {shlex.quote(HAS)}"  # what a README told
    assert output("bash", "-c", script) == "report"
    crossed = {"PATH": f"{base}/bin:{top}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(top)}
    assert output("python", "-c", WHERE, **crossed) == f"{base} {top}"  # one says this, one that

    target, system = own_world.site.target, own_world.site.target / "system"
    assert envc("overlay", "init", "--target", target).status == 0
    (alice,) = own_world.site.storage.glob("*/*")
    assert envc("overlay", "add", "theme", "--dir", alice).status == 0
    for code, seen in (
        (HAS, "report theme"),
        (WHERE, f"{(alice / 'current').resolve()} {(alice / 'current').resolve()}"),
    ):
        command = (sys.executable, "-m", "envc", "run", "--target", target, "--", "python")
        script = f". {system}/bin/activate; exec {shlex.join(map(str, (*command, '-c', code)))}"
        assert output("bash", "-c", script, **crossed) == seen


# A program that runs Python in its own process, as bridges from other languages do: it was told
# the path of an interpreter when it was set up, and keeps it.
BRIDGE = """\
#include <Python.h>
int main(int count, char **words) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyConfig_SetBytesString(&config, &config.program_name, words[1]);
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    int failed = PyRun_SimpleString(words[2]);
    return Py_FinalizeEx() < 0 || failed;
}
"""
SHARED = sysconfig.get_config_var("Py_ENABLE_SHARED") and shutil.which("gcc")
EMBEDDED = """\
import importlib.util as u
print(*(name for name in ("pandas", "polars", "theme") if u.find_spec(name)))
"""


@pytest.mark.skipif(not SHARED, reason="no gcc, or this Python is no shared library")
def test_a_bridge_that_embeds_python_finds_the_stack(plain, own_world, wheels, tmp_path):
    (tmp_path / "bridge.c").write_text(BRIDGE)
    folder = sysconfig.get_config_var("LIBDIR")
    headers = f"-I{sysconfig.get_path('include')}"
    libraries = (f"-L{folder}", f"-Wl,-rpath,{folder}", f"-lpython{PYTHON}")
    bridge = tmp_path / "bridge"
    output("gcc", headers, tmp_path / "bridge.c", "-o", bridge, *libraries)

    base, top = plain
    install(top, wheel(wheels, "theme-1.0"))
    recorded = output(base / "bin/python", "-c", "import sys; print(sys.executable)")
    assert output(bridge, recorded, EMBEDDED) == "pandas"  # what stands on it is not seen
    core = os.path.realpath(base / "bin/python")
    assert output(bridge, core, EMBEDDED) == ""  # nor anything by the core's path

    python = own_world.alice / "bin/python"
    assert output(bridge, python, EMBEDDED) == "pandas polars"
    assert envc("overlay", "add", "theme", "--dir", own_world.alice).status == 0
    assert output(bridge, python, EMBEDDED) == "pandas polars theme"
    assert output(bridge, own_world.user / "bin/python", EMBEDDED) == "pandas"


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


@pytest.mark.skipif(not uv(), reason="uv is not installed")
def test_what_other_tools_make_stands_on_the_core(plain, world, tmp_path):
    """Tools that ask an interpreter for its core put their environments on that: over envc, too."""
    base, _ = plain
    code = "import importlib.util as u; print(*(n for n in ('polars', 'pandas') if u.find_spec(n)))"
    make = (uv(), "venv", "--quiet", "--offline", "--system-site-packages")
    output(*make, "--python", base / "bin/python", tmp_path / "plain")
    assert output(tmp_path / "plain/bin/python", "-c", code) == ""

    output(*make, "--python", world.alice / "bin/python", tmp_path / "other")
    assert output(tmp_path / "other/bin/python", "-c", code) == ""  # never a part of the stack
    make = ("-m", "venv", "--without-pip", "--system-site-packages")
    output(world.alice / "bin/python", *make, tmp_path / "new")
    assert output(tmp_path / "new/bin/python", "-c", code) == "polars pandas"
