"""An overlay on a file system in user space, as shared storage often is: old or new, never mixed.

bindfs passes every call through; what it shows of a disk behaves as the clients of network file
systems do: inode numbers of its own, attributes that are cached, no flock of the server's.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.images import made, needs
from integration.test_killed import SUICIDE
from support.sites import SiteFolder, envc, python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="there is no /dev/fuse here"),
    pytest.mark.skipif(shutil.which("bindfs") is None, reason="bindfs is not installed"),
]

VERSIONS = "import numpy, scipy; print(numpy.__version__, scipy.__version__)"
OLD, NEW = "1.26.4 1.11.0", "2.0.0 1.14.0"
KILLS = 12
QUOTAS = 8
# Instead of being killed, the process is refused whatever would take an inode or a block.
OVER_QUOTA = (
    """\
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
""",
    """\
        if left <= 0 and (writes or event in {"os.mkdir", "os.link", "os.symlink"}):
            raise OSError(122, os.strerror(122), os.fsdecode(paths[-1]))
""",
)


@contextmanager
def passed_through(source: Path, folder: Path) -> Iterator[Path]:
    """A folder that shows another one through FUSE."""
    for path in (source, folder):
        path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["bindfs", source, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"FUSE does not mount here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount" if os.geteuid() == 0 else "fusermount", folder], check=True)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    with passed_through(tmp_path / "server", tmp_path / "storage") as folder:
        yield folder


def made_overlay(built: SiteFolder, storage: Path) -> Path:
    """alice's overlay as it is built; its spec asks for more already."""
    folder = storage / "alice"
    answer = envc("overlay", "init", "--dir", folder, "--target", built.target)
    assert answer.status == 0, answer.stderr
    path = folder / "overlay.toml"
    path.write_text(path.read_text().replace("requires = []", 'requires = ["polars"]'))
    return folder


@pytest.fixture
def alice(built: SiteFolder, storage: Path) -> Path:
    return made_overlay(built, storage)


def sync(folder: Path, changes: int, program: str = SUICIDE) -> subprocess.CompletedProcess[str]:
    """Sync in a process that kills itself before that change; 0: never."""
    code = program.replace('"--target"', '"--dir"')  # whose changes are counted
    words = ["overlay", "sync", "--quiet", "--dir", str(folder)]
    return subprocess.run(
        [sys.executable, "-c", code, str(changes), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_killed_at_any_change_it_is_the_old_or_the_new_one(alice, tmp_path):
    shutil.copytree(alice, tmp_path / "kept", symlinks=True)
    done = sync(alice, 0)
    assert done.returncode == 0, done.stderr
    total = int(done.stderr.split()[-1])
    seen = set()
    for number in range(KILLS):
        folder = alice.parent / f"alice-{number}" / "alice"
        shutil.copytree(tmp_path / "kept", folder, symlinks=True)
        done = sync(folder, 1 + number * (total - 1) // (KILLS - 1))
        assert done.returncode == -signal.SIGKILL, done.stderr
        state = python(folder, VERSIONS)
        seen.add(state)
        assert state in {OLD, NEW}
        answer = envc("overlay", "sync", "--dir", folder)
        assert answer.status == 0, answer.stderr
        assert python(folder, VERSIONS) == NEW
        assert envc("verify", "--target", folder).status == 0
    assert OLD in seen


def test_over_quota_at_any_change_it_is_the_old_or_the_new_one(alice, tmp_path):
    """From that change on nothing more is granted; what exists may be renamed and removed."""
    shutil.copytree(alice, tmp_path / "kept", symlinks=True)
    done = sync(alice, 0)
    total = int(done.stderr.split()[-1])
    seen = set()
    for number in range(QUOTAS):
        folder = alice.parent / f"alice-{number}" / "alice"
        shutil.copytree(tmp_path / "kept", folder, symlinks=True)
        done = sync(folder, 1 + number * (total - 1) // (QUOTAS - 1), SUICIDE.replace(*OVER_QUOTA))
        state = python(folder, VERSIONS)
        seen.add((state, done.returncode))
        assert (done.returncode == 0) == ("Disk quota exceeded" not in done.stderr), done.stderr
        answer = envc("overlay", "sync", "--dir", folder)
        assert answer.status == 0, answer.stderr
        assert python(folder, VERSIONS) == NEW
        assert envc("verify", "--target", folder).status == 0
    assert seen <= {(OLD, 4), (NEW, 4), (NEW, 0)}
    assert (OLD, 4) in seen


def test_many_syncs_at_once_beside_readers(alice):
    command = [sys.executable, "-m", "envc", "overlay", "sync", "--dir", str(alice), "--json"]
    syncs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    states = []
    while any(process.poll() is None for process in syncs):
        states.append(python(alice, VERSIONS))
    told = [process.communicate() for process in syncs]
    assert [process.returncode for process in syncs] == [0] * 4, [stderr for _, stderr in told]
    assert set(states) <= {OLD, NEW}
    assert states == sorted(states), "it never goes back"
    assert python(alice, VERSIONS) == NEW
    assert envc("verify", "--target", alice).status == 0
    assert not [name for name in os.listdir(alice / "generations") if not name.isdigit()]


@needs("ext4")
def test_a_full_disk_behind_it_leaves_the_old_one(built, can_mount, tmp_path):
    with (
        made(tmp_path, "ext4", 24) as image,
        passed_through(image.folder / "server", tmp_path / "storage") as storage,
    ):
        alice = made_overlay(built, storage)
        with image.filled(leave_bytes=64 * 1024):
            answer = envc("overlay", "sync", "--dir", alice)
            assert answer.status == 4
            assert "it does not fit: " in answer.stderr
            assert python(alice, VERSIONS) == OLD
            assert envc("verify", "--target", alice).status == 0
        assert envc("overlay", "sync", "--dir", alice).status == 0
        assert python(alice, VERSIONS) == NEW


@needs("ext4")
def test_a_disk_that_fills_up_on_the_way_leaves_the_old_one(
    built, can_mount, tmp_path, monkeypatch
):
    monkeypatch.setattr("envc.overlays.build.refuse_what_cannot_fit", lambda *_: None)
    with (
        made(tmp_path, "ext4", 24) as image,
        passed_through(image.folder / "server", tmp_path / "storage") as storage,
    ):
        alice = made_overlay(built, storage)
        statuses = []
        for leave in (8, 40, 80, 120):
            with image.filled(leave_bytes=leave * 1024):
                answer = envc("overlay", "sync", "--dir", alice)
                statuses.append(answer.status)
                state = python(alice, VERSIONS)
            assert state == (NEW if 0 in statuses else OLD)
            assert answer.status == 0 or "No space left on device" in answer.stderr
        assert statuses[0] == 4
        assert envc("overlay", "sync", "--dir", alice).status == 0
        assert python(alice, VERSIONS) == NEW
        assert envc("verify", "--target", alice).status == 0


def test_gc_keeps_for_a_time_what_another_node_may_run(alice):
    assert envc("overlay", "sync", "--dir", alice).status == 0
    words = ("gc", "--target", alice, "--keep", 0, "--json")
    kept = envc(*words).json["kept"]
    assert kept["1"] == "perhaps in use: other nodes may run it (fuse)"
    assert envc(*words, "--days", 0).json["removed"] == [1]
