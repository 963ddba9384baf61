"""A site that carries its interpreter: locked, materialized, run."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from support.cores import carrying, core_archive
from support.sites import PYTHON, PYTHON_FULL, SiteFolder, envc, python

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
        " help: fetch it again; if it is meant to be another one, correct core.archive\n"
    )


def test_without_its_digest_an_archive_is_refused(carried: SiteFolder, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    carried.edit(f', sha256 = "{digest}"', "")
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: missing key\n   at: envc.toml:8 (core.archive.sha256)\n help: add it\n"
    )


def test_carried_and_adopted_exclude_each_other(carried: SiteFolder) -> None:
    carried.edit("archive =", 'interpreter = "/usr/bin/python3"\narchive =')
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: the core is both carried and the nodes' own\n"
        "   at: envc.toml:9 (core.archive)\n"
        " help: give one of archive and interpreter, and remove the other\n"
    )


def test_a_python_of_another_version_is_refused(carried: SiteFolder) -> None:
    carried.edit(f'python = "{PYTHON}"', 'python = "3.19"')
    answer = carried.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: the archive holds no bin/python3.19, at its top or in one leading folder\n"
        f"   at: {carried.folder}/cpython.tar.gz\n"
        " help: take an archive of a CPython 3.19, or correct core.python\n"
    )


def test_a_bare_archive_has_no_leading_folder(tmp_path: Path, recipes: Path) -> None:
    without = core_archive(tmp_path / "bare.tar.gz", leading="")
    bare = carrying(SiteFolder(tmp_path / "world", recipes), without)
    bare.done("lock")
    bare.materialize()
    assert os.access(core_of(bare) / f"bin/python{PYTHON}", os.X_OK)


def test_verify_names_what_is_wrong_with_it_and_repair_mends_it(placed: SiteFolder) -> None:
    core = core_of(placed)
    before = listing(core)
    ours = core / f"lib/python{PYTHON}"
    other = core / f"lib/python{PYTHON}/bisect.py"
    other.chmod(0o644)
    other.write_bytes(other.read_bytes() + b"#")
    other.chmod(0o444)
    (ours / "ast.py").unlink()
    (ours / "planted.py").write_text("")
    (ours / "abc.py").chmod(0o666)
    (core / "bin/python3").unlink()
    (core / "bin/python3").symlink_to("/usr/bin/python3")
    answer = placed.envc("verify", "--target", placed.target)
    assert (answer.status, sorted(answer.stdout.splitlines())) == (
        1,
        [
            f"changed: core: lib/python{PYTHON}/bisect.py",
            f"extra: core: lib/python{PYTHON}/planted.py",
            "link: core: bin/python3",
            f"missing: core: lib/python{PYTHON}/ast.py",
            f"mode: core: lib/python{PYTHON}/abc.py",
        ],
    )
    report = placed.done("repair", "--target", placed.target, "--json").json
    assert {each["where"] for each in report["repaired"]} == {"core"}
    assert len(report["repaired"]) == 5
    assert placed.envc("verify", "--target", placed.target).status == 0
    assert {path: (size, mode) for path, (size, mode, _) in listing(core).items()} == {
        path: (size, mode) for path, (size, mode, _) in before.items()
    }


def test_fast_verify_looks_at_it_too(placed: SiteFolder) -> None:
    (core_of(placed) / f"lib/python{PYTHON}/ast.py").unlink()
    answer = placed.envc("verify", "--fast", "--target", placed.target)
    assert answer.stdout == f"missing: core: lib/python{PYTHON}/ast.py\n"


def test_a_damaged_listing_is_mended(placed: SiteFolder) -> None:
    listing = core_of(placed) / "envc-manifest"
    before = listing.read_bytes()
    listing.chmod(0o644)
    listing.write_bytes(before.replace(b"lib/", b"lob/"))
    assert placed.envc("verify", "--target", placed.target).stdout == (
        "changed: core: envc-manifest\n"
    )
    placed.done("repair", "--target", placed.target)
    assert listing.read_bytes() == before
    assert placed.envc("verify", "--target", placed.target).status == 0


def test_a_core_that_is_gone_is_brought_again(placed: SiteFolder) -> None:
    core = core_of(placed)
    before = listing(core)
    shutil.rmtree(core)
    placed.materialize()
    assert listing(core).keys() == before.keys()
    shutil.rmtree(core)
    placed.done("repair", "--target", placed.target)
    assert placed.envc("verify", "--target", placed.target).status == 0
    assert listing(core).keys() == before.keys()


def test_without_the_archive_repair_says_what_it_lacks(
    placed: SiteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "no-cache"))
    (placed.folder / "cpython.tar.gz").unlink()
    (core_of(placed) / f"lib/python{PYTHON}/ast.py").unlink()
    answer = placed.envc("repair", "--target", placed.target)
    assert answer.status == 1
    assert answer.stderr.startswith(
        f"warning: {placed.folder}/cpython.tar.gz: the interpreter's archive cannot be read: No "
        "such file or directory\n  help: put it there, or correct core.archive\n"
    )


def test_gc_removes_a_core_that_nothing_runs_on(placed: SiteFolder, archive: Path) -> None:
    first = core_of(placed)
    other = placed.folder / "other.tar.gz"
    other.write_bytes(archive.read_bytes() + bytes(512))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    placed.edit("cpython.tar.gz", "other.tar.gz")
    placed.edit(digest, hashlib.sha256(other.read_bytes()).hexdigest())
    placed.done("lock")
    placed.materialize()
    (second,) = set((placed.target / "core").iterdir()) - {first}
    words = ("gc", "--target", placed.target, "--json", "--keep")
    assert placed.done(*words, 2).json["others_removed"] == []
    wanted = [f"core/{first.name}"]
    assert placed.done(*words, 1, "--dry-run").json["others_removed"] == wanted
    assert first.is_dir()
    assert placed.done(*words, 1).json["others_removed"] == wanted
    assert list((placed.target / "core").iterdir()) == [second]
    python(placed.target / "system", "import six")


def test_uninstall_removes_it(placed: SiteFolder) -> None:
    placed.done("uninstall", "--target", placed.target)
    assert not placed.target.exists()


@pytest.fixture
def bundle(carried: SiteFolder) -> Path:
    carried.done("lock")
    path = carried.root / "canopy.envc"
    carried.done("bundle", "-o", path)
    return path


def forget(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left here that an interpreter could be made of."""
    monkeypatch.setenv("ENVC_CACHE_DIR", str(site.root / "no-cache"))
    (site.folder / "cpython.tar.gz").unlink()
    (site.folder / "wheels").unlink()


def test_a_bundle_brings_the_interpreter(
    carried: SiteFolder, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = carried.materialize()["digest"]
    told = listing(core_of(carried))
    shutil.rmtree(carried.target)
    forget(carried, monkeypatch)
    words = ("materialize", "--target", carried.target, "--from", bundle, "--offline", "--json")
    assert envc(*words, cwd=carried.root).json["digest"] == wanted
    assert listing(core_of(carried)).keys() == told.keys()
    assert carried.envc("verify", "--target", carried.target).status == 0
    assert python(carried.target / "system", "import six; print(six.__version__)") == "1.17.0"


def test_a_bundle_with_an_interpreter_has_the_same_bytes_every_time(
    carried: SiteFolder, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "another-cache"))
    again = carried.root / "again.envc"
    carried.done("bundle", "-o", again)
    assert again.read_bytes() == bundle.read_bytes()


def test_who_holds_the_interpreter_reads_nothing_of_it(
    placed: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed.edit('["six"]', '["six", "report"]')
    placed.done("lock")
    bundle = placed.root / "canopy.envc"
    placed.done("bundle", "-o", bundle)
    damage(bundle, "core/")
    forget(placed, monkeypatch)
    words = ("materialize", "--target", placed.target, "--from", bundle, "--offline", "--json")
    assert envc(*words, cwd=placed.root).json["changed"] is True


def test_a_damaged_interpreter_in_a_bundle_is_not_used(
    carried: SiteFolder, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(bundle, "core/")
    forget(carried, monkeypatch)
    words = ("materialize", "--target", carried.target, "--from", bundle, "--offline")
    answer = envc(*words, cwd=carried.root)
    assert answer.status == 5
    assert not any((carried.target / "core").iterdir())
    assert not (carried.target / "current").is_symlink()


def damage(bundle: Path, prefix: str) -> None:
    """Change a byte in the middle of every entry that begins so."""
    content = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as archive:
        for member in archive.infolist():
            if member.filename.startswith(prefix):
                content[member.header_offset + 60 + member.file_size // 2] ^= 0xFF
    bundle.write_bytes(content)


def test_repair_takes_the_interpreter_from_a_bundle(
    carried: SiteFolder, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried.materialize()
    forget(carried, monkeypatch)
    (core_of(carried) / f"lib/python{PYTHON}/ast.py").unlink()
    carried.done("repair", "--target", carried.target, "--from", bundle)
    assert carried.envc("verify", "--target", carried.target).status == 0


def test_an_ordinary_environment_has_the_interpreter_in_it(
    placed: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = placed.root / "flat"
    placed.done("export", "--layer", "system", "--to", flat)
    shutil.rmtree(placed.target)
    (core,) = (flat / "core").iterdir()
    told = python(flat, "import sys, six; print(sys.base_prefix, sys.prefix)")
    assert told == f"{core} {flat}"
    assert [path.name for path in placed.root.iterdir() if "flat" in path.name] == ["flat"]


def test_an_overlay_stands_on_the_carried_interpreter(placed: SiteFolder) -> None:
    overlay = placed.root / "mine"
    words = ("--dir", overlay, "--target", placed.target)
    placed.done("overlay", "init", "--base", "system", *words)
    placed.done("overlay", "add", "report", *words)
    told = python(overlay, "import sys, six, report; print(sys.base_prefix)")
    assert told == str(core_of(placed))
    assert envc("verify", "--target", overlay).status == 0
    assert envc("repair", "--target", overlay).status == 0


def test_doctor_names_it(placed: SiteFolder) -> None:
    answer = placed.envc("doctor", "--target", placed.target)
    assert f"{core_of(placed)}/bin/python{PYTHON} is Python {PYTHON_FULL}" in answer.stdout


def test_a_process_that_runs_on_it_keeps_it(placed: SiteFolder, archive: Path) -> None:
    core = core_of(placed)
    other = core.with_name("0" * 64)
    shutil.copytree(core, other, symlinks=True)
    words = ("gc", "--target", placed.target, "--json")
    with (other / "envc-manifest").open("rb") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        assert placed.done(*words).json["others_removed"] == []
    assert placed.done(*words).json["others_removed"] == [f"core/{other.name}"]


def test_leftovers_of_killed_runs_go(placed: SiteFolder) -> None:
    cores = placed.target / "core"
    killed = f"{os.uname().nodename.partition('.')[0]}-killed"
    for name in (killed, "earlier", "sh-1-old", "sh-2-young"):  # a shell holds no lock
        (cores / f".part-{name}/core").mkdir(parents=True)
    for name in ("earlier", "sh-1-old"):
        os.utime(cores / f".part-{name}", (0, 0))
    placed.done("gc", "--target", placed.target)
    assert sorted(path.name for path in cores.iterdir() if path.name.startswith(".")) == [
        ".part-sh-2-young"
    ]
