"""What brings envc to a node: a kit, and the program that unpacks it."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cluster.fake_nodes import values_in
from envc.cluster.kit import Kit, kit_of_this_envc
from envc.fleet.deployment import boot_source
from envc.model.digest import hex_of

pytestmark = pytest.mark.slow  # a kit is made of a thousand files


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache where the whole kit is made."""
    return tmp_path_factory.mktemp("whole-kit")


@pytest.fixture
def kit(kits: Path) -> Kit:
    return kit_of_this_envc(str(kits))


def boot(
    target: Path,
    kit: str,
    digest: str,
    *words: str,
    python: str | None = None,
    interpreter: Path | str = sys.executable,
) -> subprocess.CompletedProcess[str]:
    wanted = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    begin = [str(interpreter), "-I", "-S", "-c", boot_source().decode()]
    return subprocess.run(
        [*begin, str(target), kit, digest, wanted, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_node_with_an_interpreter_alone_has_envc_afterwards(kit: Kit, tmp_path: Path) -> None:
    target, digest = tmp_path / "Canopy", hex_of(kit.digest)
    done = boot(target, kit.path, digest, "--version")
    assert (done.returncode, done.stdout) == (0, "envc 0.1.0\n"), done.stderr
    # The kit is not needed twice.
    again = boot(target, "/nowhere", digest, "--version")
    assert again.returncode == 0
    own = subprocess.run(
        [target / "bin/envc", "generations"], capture_output=True, text=True, check=False
    )
    assert own.stderr == (
        f"error: nothing is materialized here\n   at: {target}\n"
        " help: name a target directory, or an overlay's folder\n"
    )


def test_a_node_that_prepares_keeps_the_envc_that_it_has(kit: Kit, tmp_path: Path) -> None:
    target, digest = tmp_path / "Canopy", hex_of(kit.digest)
    done = boot(target, kit.path, digest, "node", "prepare", "--target", str(target))
    assert '"prepare needs --state"' in done.stdout
    assert not (target / "bin/envc").exists()
    done = boot(target, "/nowhere", digest, "node", "switch", "--target", str(target))
    assert '"switch needs --state"' in done.stdout
    assert (target / "bin/envc").exists()


def test_the_path_of_the_interpreter_may_have_spaces(kit: Kit, tmp_path: Path) -> None:
    target, digest = tmp_path / "my target", hex_of(kit.digest)
    interpreter = tmp_path / "my python/bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(Path(sys.executable).resolve())
    for path in (interpreter, sys.executable, interpreter):
        done = boot(target, kit.path, digest, "--version", interpreter=path)
        assert done.returncode == 0, done.stderr
        own = subprocess.run(
            [target / "bin/envc", "--version"], capture_output=True, text=True, check=False
        )
        assert own.stdout == "envc 0.1.0\n", own.stderr


def test_it_imports_nothing_of_the_interpreters_own_packages(kit: Kit, tmp_path: Path) -> None:
    target = tmp_path / "Canopy"
    assert boot(target, kit.path, hex_of(kit.digest), "--version").returncode == 0
    (home,) = (target / "envc").iterdir()
    names = (
        "envc.commands.rollout, envc.commands.bundle, "
        "envc.commands.check, envc.overlays.edit, "
        "envc.index, envc.cluster.clustershell"
    )
    code = f"import sys; sys.path.insert(0, {str(home / 'lib')!r}); import {names}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_kit_that_is_not_what_it_should_be_never_runs(kit: Kit, tmp_path: Path) -> None:
    bad = tmp_path / "kit.zip"
    bad.write_bytes(Path(kit.path).read_bytes()[:-1])
    for path in (bad, tmp_path / "none.zip"):
        done = boot(tmp_path / "Canopy", str(path), hex_of(kit.digest), "--version")
        assert done.returncode == 75
        assert values_in(done.stdout) == {"lacks": ["kit"]}
    assert not (tmp_path / "Canopy/envc").exists()


def test_another_python_is_named(kit: Kit, tmp_path: Path) -> None:
    done = boot(tmp_path / "Canopy", kit.path, hex_of(kit.digest), "--version", python="3.6")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    values = values_in(done.stdout)
    assert done.returncode == values["status"] == 2
    assert values["faults"] == [
        [
            f"this is Python {here}, and envc's kit is for Python 3.6",
            sys.executable,
            "name the interpreter that the site is compiled for with --python",
        ]
    ]


def test_the_disk_refuses(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Canopy").mkdir()
    (tmp_path / "Canopy/envc").write_text("in the way")
    done = boot(tmp_path / "Canopy", kit.path, hex_of(kit.digest), "--version")
    values = values_in(done.stdout)
    assert (done.returncode, values["status"]) == (4, 4)
    assert values["faults"][0][0].startswith("envc cannot be unpacked: ")


def test_the_kit_is_made_once_and_is_what_its_name_says(kit: Kit, kits: Path) -> None:
    before = Path(kit.path).stat().st_mtime_ns
    assert kit_of_this_envc(str(kits)) == kit
    content = Path(kit.path).read_bytes()
    assert Path(kit.path).stat().st_mtime_ns == before
    assert hashlib.sha256(content).hexdigest() == hex_of(kit.digest) == Path(kit.path).stem
    with zipfile.ZipFile(kit.path) as archive:
        names = archive.namelist()
    assert {"run.py", "bin/envc", "lib/envc/cli/main.py", "lib/envc/findings/ENVC201.md"} <= {
        *names
    }
    assert not [name for name in names if name.startswith(("/", "..")) or "\\" in name]
