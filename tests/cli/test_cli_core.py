"""A site that carries its interpreter: locked, materialized, run."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cores import carrying, core_archive
from support.sites import PYTHON, PYTHON_FULL, SiteFolder, python

pytestmark = pytest.mark.slow  # an interpreter is unpacked


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that keeps the unpacked core from one test to the next."""
    return tmp_path_factory.mktemp("cores")


@pytest.fixture
def carried(
    tmp_path: Path, recipes: Path, archive: Path, cores: Path, monkeypatch: pytest.MonkeyPatch
) -> SiteFolder:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(cores))
    return carrying(SiteFolder(tmp_path / "world", recipes), archive)


@pytest.fixture
def placed(carried: SiteFolder) -> SiteFolder:
    carried.done("lock")
    carried.materialize()
    return carried


def core_of(site: SiteFolder) -> Path:
    """The one core in the target."""
    (core,) = (site.target / "core").iterdir()
    return core


def test_a_tree_runs_on_the_carried_interpreter(placed: SiteFolder, archive: Path) -> None:
    core = core_of(placed)
    assert core.name == hashlib.sha256(archive.read_bytes()).hexdigest()
    told = python(
        placed.target / "system",
        "import sys, six; print(sys.base_prefix, six.__version__, *sys.version_info[:3], sep='|')\n"
        "maps = [line.split()[-1] for line in open('/proc/self/maps') if 'libpython' in line]\n"
        "assert all(path.startswith(sys.base_prefix) for path in maps), maps",
    )
    assert told == f"{core}|1.17.0|{PYTHON_FULL.replace('.', '|')}"


def test_nothing_is_written_into_it_later(placed: SiteFolder) -> None:
    core = core_of(placed)
    before = listing(core)
    assert {mode for _, mode, _ in before.values()} <= {0o444, 0o555, 0o755, 0o777}
    code = "import json, asyncio, sys; sys.exit(sys.dont_write_bytecode)"
    subprocess.run([core / f"bin/python{PYTHON}", "-c", code], check=True)
    python(placed.target / "system", "import json, asyncio, decimal")
    assert listing(core) == before


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Path → size, mode and time of change of all that stands there."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        found[str(path)] = (status.st_size, status.st_mode & 0o7777, status.st_mtime_ns)
    return found


def test_materialize_again_does_nothing(placed: SiteFolder) -> None:
    shutil.rmtree(placed.folder / "wheels", ignore_errors=True)
    (placed.folder / "cpython.tar.gz").unlink()
    assert placed.materialize()["changed"] is False


def test_another_archive_makes_locks_stale(placed: SiteFolder, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    other = archive.read_bytes() + bytes(512)
    (placed.folder / "cpython.tar.gz").write_bytes(other)
    placed.edit(digest, hashlib.sha256(other).hexdigest())
    answer = placed.envc("lock", "--check")
    assert answer.status == 1
    assert answer.stderr == ("system: stale, 1 pin (pylock.system.toml)\n")


def test_an_archive_of_other_bytes_is_not_used(carried: SiteFolder, tmp_path: Path) -> None:
    before = hashlib.sha256((carried.folder / "cpython.tar.gz").read_bytes()).hexdigest()
    carried.edit(before, "0" * 64)
    answer = carried.envc("lock")
    assert answer.status == 5
    assert answer.stderr == (
        f"error: the interpreter's archive is sha256:{before}, and should be sha256:{'0' * 64}\n"
        f"   at: {carried.folder}/cpython.tar.gz\n"
        " mend: fetch it again; if it is meant to be another one, correct core.archive\n"
    )


def test_without_its_digest_an_archive_is_refused(carried: SiteFolder, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    carried.edit(f', sha256 = "{digest}"', "")
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: missing key\n   at: envc.toml:8 (core.archive.sha256)\n mend: add it\n"
    )


def test_carried_and_adopted_exclude_each_other(carried: SiteFolder) -> None:
    carried.edit("archive =", 'interpreter = "/usr/bin/python3"\narchive =')
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: the core is both carried and the nodes' own\n"
        "   at: envc.toml:9 (core.archive)\n"
        " mend: give one of archive and interpreter, and remove the other\n"
    )


def test_a_python_of_another_version_is_refused(carried: SiteFolder) -> None:
    carried.edit(f'python = "{PYTHON}"', 'python = "3.19"')
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: the archive holds no bin/python3.19, at its top or in one leading folder\n"
        f"   at: {carried.folder}/cpython.tar.gz\n"
        " mend: take an archive of a CPython 3.19, or correct core.python\n"
    )


def test_a_bare_archive_has_no_leading_folder(tmp_path: Path, recipes: Path) -> None:
    without = core_archive(tmp_path / "bare.tar.gz", leading="")
    bare = carrying(SiteFolder(tmp_path / "world", recipes), without)
    bare.done("lock")
    bare.materialize()
    assert os.access(core_of(bare) / f"bin/python{PYTHON}", os.X_OK)
