"""Modulefiles: what a real Lmod makes of layers and overlays; modules that are not loaded."""

import getpass
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.sites import SiteFolder, envc

LMOD = Path("/usr/share/lmod/lmod/init/bash")
NASTY = "a \"b\" \\ $HOME ]] \t'c' é `id`"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LMOD.exists(), reason="lmod is not installed (apt-get install lmod)"),
]


@dataclass(frozen=True)
class Shell:
    """A login shell with Lmod and these folders of modulefiles."""

    folders: tuple[Path, ...]

    def run(self, *lines: str) -> subprocess.CompletedProcess[str]:
        """The shell after these lines; modules that are used come first."""
        used = [f"module use {folder}" for folder in self.folders]
        kept = ("HOME", "ENVC_CACHE_DIR")
        return subprocess.run(
            ["bash", "--norc", "-c", "\n".join([f". {LMOD}", *used, *lines])],
            # Lmod takes what is there twice out of a PATH.
            env={
                **{name: os.environ[name] for name in kept if name in os.environ},
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def said(self, *lines: str) -> str:
        """What the lines print; they must succeed, and complain of nothing."""
        done = self.run("set -e", *lines)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout.strip()


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """The site's other modules: one, for an MPI."""
    path = tmp_path / "other" / "openmpi" / "4.1.lua"
    path.parent.mkdir(parents=True)
    path.write_text('setenv("MPI_HOME", "/opt/openmpi")\n')
    return tmp_path / "other"


@pytest.fixture
def world(warm: SiteFolder) -> SiteFolder:
    """The site, whose layer user needs an MPI and sets a value that is hard to quote."""
    quoted = json.dumps(NASTY, ensure_ascii=False)
    warm.edit(
        'env = { OMP_NUM_THREADS = "1" }',
        f'env = {{ NASTY = {quoted} }}\nmodules = ["openmpi/4.1"]',
    )
    warm.done("lock")
    warm.materialize()
    return warm


@pytest.fixture
def shell(world: SiteFolder, others: Path) -> Shell:
    return Shell((world.target / "modulefiles", others))


def closure(world: SiteFolder, layer: str) -> str:
    record = json.loads((world.target / "current" / "manifest.json").read_text())
    found: str = record["layers"][layer]["closure"]
    return found


def test_a_layer_is_loaded_and_unloaded(world: SiteFolder, shell: Shell) -> None:
    code = "import sys, pandas, json, os; print(json.dumps([sys.prefix, dict(os.environ)]))"
    tell = f"python -c '{code}'"
    prefix, loaded = json.loads(shell.said("module load canopy/user", tell))
    user = closure(world, "user").removeprefix("sha256:")
    assert prefix == f"{world.target}/generations/000001/user"
    assert loaded["VIRTUAL_ENV"] == f"{world.target}/user"
    assert loaded["PATH"].split(":")[0] == f"{world.target}/user/bin"
    assert loaded["PATH"].split(":")[-1] == f"{world.target}/bin"
    assert loaded["ENVC_LOCK"] == f"sha256:{user}"
    assert loaded["ENVC_TARGET"] == str(world.target)
    assert loaded["NASTY"] == NASTY
    assert loaded["MPI_HOME"] == "/opt/openmpi"
    assert loaded["LOADEDMODULES"] == "openmpi/4.1:canopy/user"

    before = "env | grep -v '^_\\|^LMOD\\|^MODULEPATH\\|^LOADED\\|_LM' | sort > before"
    after = before.replace("before", "after")
    shell.said(
        f"cd {world.root}",
        "export NASTY=mine",
        before,
        *("module load canopy/user", "module unload canopy/user", after),
    )
    assert (world.root / "after").read_text() == (world.root / "before").read_text()


def test_one_layer_at_a_time(world: SiteFolder, shell: Shell) -> None:
    done = shell.run(
        "module load canopy/user",
        "module load canopy/system",
        "echo $LOADEDMODULES",
        "python -c 'import sys; print(sys.prefix)'",
    )
    assert done.stdout == f"canopy/system\n{world.target}/generations/000001/system\n", done.stderr


def test_a_module_that_is_missing_is_named(world: SiteFolder) -> None:
    done = Shell((world.target / "modulefiles",)).run("module load canopy/user || echo refused")
    assert done.stdout == "refused\n"
    assert '"openmpi/4.1"' in done.stderr


def test_a_job_stays_on_its_generation(world: SiteFolder, shell: Shell) -> None:
    """The paths and the pin that a job took along hold after the node was switched."""
    world.edit('"pandas"', '"pandas", "six"')
    world.done("lock")
    moved = f"cd {world.folder} && envc materialize -q --target {world.target}"
    tell = "python -c 'import sys; print(sys.prefix)'"
    first, second = (
        f"{world.target}/generations/000001/user",
        f"{world.target}/generations/000002/user",
    )
    said = shell.said(
        "module load canopy/user",
        tell,
        moved,
        tell,
        "module load canopy/user",
        tell,
        "module unload canopy/user",
        "echo $PATH $ENVC_LOCK $VIRTUAL_ENV",
    )
    assert said.splitlines() == [
        first,
        first,
        second,
        f"{Path(sys.executable).parent}:/usr/bin:/bin",
    ]


def test_an_overlay_is_loaded(world: SiteFolder, shell: Shell, others: Path) -> None:
    answer = envc("overlay", "init", "alice", "--target", world.target)
    assert answer.status == 0, answer.stderr
    folder = world.storage / getpass.getuser() / "alice"
    seen = Shell((folder / "modulefiles", others)).said(
        "module load alice",
        "python -c 'import sys, pandas; print(sys.prefix)'",
        "echo $ENVC_TARGET $ENVC_LOCK $LOADEDMODULES",
    )
    assert seen.splitlines() == [
        f"{folder}/generations/000001",
        f"{world.target} {closure(world, 'user')} openmpi/4.1:alice",
    ]


def test_run_and_doctor_name_what_is_not_loaded(
    world: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("run", "--target", world.target, "--layer", "user", "--", "true")
    text = "the stack needs environment modules that are not loaded: `module load openmpi/4.1`"
    for loaded, expected in (
        ("", f"warning: {text}\n"),
        ("gcc/12:openmpi/4.0", f"warning: {text}\n"),
        ("gcc/12:openmpi/4.1", ""),
    ):
        monkeypatch.setenv("LOADEDMODULES", loaded)
        done = subprocess.run(
            [sys.executable, "-m", "envc", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, expected)
        found = envc("doctor", "--target", world.target, "--json").json["diagnoses"]
        (diagnosis,) = [each for each in found if each["name"] == "target: modules"]
        assert diagnosis["state"] == ("ok" if not expected else "warning")
        assert diagnosis["what"] == f"{'' if not expected else 'not '}loaded: openmpi/4.1"


def test_one_that_was_changed_is_found_and_mended(world: SiteFolder, shell: Shell) -> None:
    path = world.target / "current" / "user" / "modulefile.lua"
    text = path.read_text()
    path.chmod(0o644)
    path.write_text("")
    found = envc("verify", "--target", world.target, "--json")
    assert found.status == 1
    assert [problem["path"] for problem in found.json["problems"]] == ["modulefile.lua"]
    assert envc("repair", "--target", world.target, "--offline").status == 0
    assert path.read_text() == text
    assert envc("verify", "--target", world.target).status == 0


def test_uninstall_leaves_none(world: SiteFolder) -> None:
    assert envc("uninstall", "--target", world.target).status == 0
    assert not world.target.exists()
