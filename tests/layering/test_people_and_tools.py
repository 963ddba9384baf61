"""What people and their tools leave behind, put in by hand, or do not see."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plain import environment, output, pip, uv

from support.sites import PYTHON, SITE_PACKAGES, envc, envc_process

pytestmark = pytest.mark.slow


def test_nothing_is_left_in_a_persons_home(plain, own_world, wheels, tmp_path, monkeypatch):
    _, top = plain
    left, home = tmp_path / "left", tmp_path / "home"
    left.mkdir()
    (left / ".bash_profile").write_text(f". {top}/bin/activate\n")  # as the predecessor's set-up
    core = os.path.realpath(top / "bin/python")
    words = ("--user", "--quiet", "--no-index", "--find-links", wheels, "theme")
    variables = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    command = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", core)
    output(*command, "install", *words, HOME=str(left), **variables)
    shutil.rmtree(top)
    login = ("bash", "-l", "-c", "true")
    complaint = complained(left, *login)
    assert f"{top}/bin/activate: No such file or directory" in complaint
    assert output(core, "-c", "import theme; print(theme.__version__)", HOME=str(left)) == "1.0"

    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    words = ("--overlay", own_world.alice, "--", "python", "-c", "import polars")
    assert envc("overlay", "add", "theme", "--dir", own_world.alice).status == 0
    assert envc_process("run", *words, cwd=tmp_path).status == 0
    command = (sys.executable, "-m", "envc", "shell", "--overlay", own_world.alice)
    shell = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "SHELL": "/bin/bash", "HISTFILE": ""},
        input="python -c 'import polars, sys; print(sys.prefix)'\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == f"{(own_world.alice / 'current').resolve()}\n"
    assert envc("uninstall", "--target", own_world.site.target).status == 0
    assert (list(home.iterdir()), complained(home, *login)) == ([], "")


def complained(home: Path, *command: str) -> str:
    """What a command writes to stderr for a person with that home."""
    surroundings = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    return done.stderr


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


@pytest.mark.skipif(not uv(), reason="uv is not installed")
def test_tools_that_see_one_folder_only_are_given_one(plain, own_world, wheels, tmp_path):
    """By uv's own choice it looks at no inherited project: so it is handed a flat environment."""
    _, top = plain
    listed = (uv(), "pip", "list", "--quiet", "--format", "freeze", "--offline", "--python")
    install = (uv(), "pip", "install", "--quiet", "--offline", "--no-index", "--find-links", wheels)
    assert output(*listed, top / "bin/python") == ""
    output(*install, "--python", top / "bin/python", "scipy==1.11.0")
    assert output(*listed, top / "bin/python").split() == ["numpy==1.26.4", "scipy==1.11.0"]

    alice, flat = own_world.alice, tmp_path / "flat"
    words = ("--target", own_world.site.target, "--overlay", alice, "--to", flat)
    report = envc("overlay", "add", "scipy>=1.11", "--dir", alice, "--json").json
    assert report["adds"] == ["polars"]  # its numpy and its scipy are there
    answer = envc("export", *words)
    assert answer.status == 0, answer.stderr
    seen = output(*listed, flat / "bin/python").split()
    assert {"numpy==2.0.0", "pandas==2.2.0", "polars==1.0.0", "report==1.0"} <= set(seen)
    done = subprocess.run(
        [uv(), "pip", "check", "--python", flat / "bin/python"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


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
            " help: let one of them stand on a common layer\n"
        ),
    )


# What an editor's locator reads before it runs anything: three numbers in one of two lines.
VERSION_OF_A_VENV = re.compile(r"^version(_info)?\s*=\s*(\d+\.\d+\.\d+)", re.MULTILINE)
ABOUT_AN_INTERPRETER = """\
import json, sys
print(json.dumps({"versionInfo": list(sys.version_info), "sysPrefix": sys.prefix,
                  "executable": sys.executable, "is64Bit": sys.maxsize > 2**32}))
"""


def test_editors_take_layers_for_environments(plain, world):
    """By `pyvenv.cfg` beside `bin`, and by what the interpreter says of itself."""
    _, top = plain
    for place, name in ((top, None), (world.user, "user"), (world.alice, "alice")):
        text = (place / "pyvenv.cfg").read_text()
        found = VERSION_OF_A_VENV.search(text)
        assert found is not None
        assert found[2].rpartition(".")[0] == PYTHON
        prompt = re.search(r"^prompt = (.+)$", text, re.MULTILINE)
        assert (prompt and prompt[1]) == name
        about = json.loads(output(place / "bin/python", "-I", "-c", ABOUT_AN_INTERPRETER))
        assert about["sysPrefix"] == str((place / "lib").resolve().parent)
        assert about["executable"] == f"{about['sysPrefix']}/bin/python"
        assert VERSION_OF_A_VENV.search(Path(about["sysPrefix"], "pyvenv.cfg").read_text())
