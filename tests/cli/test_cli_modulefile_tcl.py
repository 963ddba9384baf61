"""Modulefiles for Environment Modules: what its real `module` makes of layers and overlays."""

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.sites import SiteFolder, envc

# Unpacked by `make tools`; in a shell, `module` is what its own start-up file makes of it.
MODULES = next(
    (Path(__file__).parents[2] / "build" / "environment-modules").glob("usr/lib/*/modulecmd.tcl"),
    None,
)
START = f'module() {{ eval "$(tclsh {MODULES} bash "$@")"; }}'
NASTY = 'a "b" \\ $HOME [exec id] ]] {c} ; # é `id`'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MODULES is None, reason="environment-modules is not here (make tools)"),
]


@pytest.fixture
def world(warm: SiteFolder) -> SiteFolder:
    """The site, whose layer user needs an MPI and sets a value that is hard to quote."""
    quoted = json.dumps(NASTY, ensure_ascii=False)
    warm.edit(
        'env = { OMP_NUM_THREADS = "1" }',
        f'env = {{ NASTY = {quoted}, BROKEN = "a\\nb" }}\nmodules = ["openmpi/4.1"]',
    )
    warm.done("lock")
    warm.materialize()
    other = warm.root / "other" / "openmpi" / "4.1"
    other.parent.mkdir(parents=True)
    other.write_text("#%Module\nsetenv MPI_HOME /opt/openmpi\n")
    return warm


def ran(world: SiteFolder, *lines: str) -> subprocess.CompletedProcess[str]:
    """A shell after these lines; the modules of the site and others are used."""
    used = [
        f"module use {folder}" for folder in (world.target / "modulefiles", world.root / "other")
    ]
    return subprocess.run(
        ["bash", "--norc", "-c", "\n".join([START, *used, *lines])],
        env={
            "HOME": os.environ["HOME"],
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_layer_is_loaded_and_unloaded(world):
    code = "import sys, pandas, json, os; print(json.dumps([sys.prefix, dict(os.environ)]))"
    done = ran(world, "module load canopy/user", f"python -c '{code}'")
    prefix, loaded = json.loads(done.stdout)
    record = json.loads((world.target / "current" / "manifest.json").read_text())
    assert prefix == f"{world.target}/generations/000001/user"
    assert loaded["VIRTUAL_ENV"] == f"{world.target}/user"
    assert loaded["PATH"].split(":")[0] == f"{world.target}/user/bin"
    assert loaded["PATH"].split(":")[-1] == f"{world.target}/bin"
    assert loaded["ENVC_LOCK"] == record["layers"]["user"]["closure"]
    assert loaded["ENVC_TARGET"] == str(world.target)
    assert (loaded["NASTY"], loaded["MPI_HOME"]) == (NASTY, "/opt/openmpi")
    assert "BROKEN" not in loaded
    assert "BROKEN is not set: its value has a line break" in done.stderr

    shown = "env | grep -v '^_\\|^BASH_FUNC\\|MODULE\\|LMFILES\\|^ \\|^}' | sort"
    done = ran(
        world,
        "export NASTY=mine",
        *(
            shown,
            "echo ---",
            "module load canopy/user 2>&-",
            "module unload canopy/user 2>&-",
            shown,
        ),
    )
    before, after = done.stdout.split("---\n")
    assert before == after


def test_one_layer_at_a_time(world):
    done = ran(
        world,
        "module load canopy/user 2>&-",
        "module swap canopy/user canopy/system 2>&-",
        "python -c 'import sys; print(sys.prefix)'",
    )
    assert done.stdout == f"{world.target}/generations/000001/system\n"


def test_a_module_that_is_missing_is_named(world):
    done = ran(world, f"module unuse {world.root}/other", "module load canopy/user")
    assert "openmpi/4.1" in done.stderr


def test_an_overlay_is_loaded(world):
    envc("overlay", "init", "alice", "--target", world.target)
    folder = world.storage / getpass.getuser() / "alice"
    done = ran(
        world,
        f"module use {folder}/modulefiles",
        "module load alice 2>&-",
        "python -c 'import sys, pandas; print(sys.prefix)'",
        "echo $ENVC_TARGET",
    )
    assert done.stdout.splitlines() == [f"{folder}/generations/000001", str(world.target)]


def test_what_modules_shows(world):
    done = ran(world, "module avail -t canopy 2>&1", "module whatis canopy/user 2>&1")
    assert "canopy/user" in done.stdout.splitlines()
    assert "canopy/user.lua" not in done.stdout
    assert "Description: the Python layer user" in done.stdout
