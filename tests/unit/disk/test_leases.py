"""Who holds a lease: told of every kind of holder, and without any lock of one's own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envc.disk.leases import held, is_held

LOCK = "fcntl.fcntl(fd, fcntl.F_OFD_SETLK, bytes(32))"
MAP = "mapped = mmap.mmap(fd, 1, mmap.MAP_SHARED, mmap.PROT_READ); os.closerange(3, 256)"
HOLDS = {
    "a lock for reading": LOCK,
    "of a daemon": f"{LOCK}; {MAP}",
    "a shared flock": "fcntl.flock(fd, fcntl.LOCK_SH)",
    "a neighbour's flock": "fcntl.flock(fd, fcntl.LOCK_EX)",
    "a mapping": MAP,
}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def lease() -> Iterator[Path]:
    """A lease in a folder that everybody can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, ".lease")
        path.write_text("\n")
        yield path


@contextmanager
def holding(lease: Path, how: str, *, user: int | None = None) -> Iterator[None]:
    """A process that holds a lease in a way of its own; it has inherited the open file."""
    user = os.getuid() if user is None else user
    code = (
        f"import fcntl, mmap, os, sys; os.setuid({user}); fd = int(sys.argv[1]); {how}; "
        "print('held', flush=True); sys.stdin.read()"
    )
    with lease.open() as file:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(file.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[file.fileno()],
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.communicate()


@pytest.mark.parametrize("how", HOLDS.values(), ids=HOLDS)
def test_every_kind_of_holder_counts(lease, how):
    with holding(lease, how):
        assert is_held(str(lease))
    assert not is_held(str(lease))


def test_a_lease_that_is_not_there_is_held_by_nobody(tmp_path):
    assert not is_held(str(tmp_path / ".lease"))


def test_each_of_many_is_told_for_itself(tmp_path):
    paths = [tmp_path / name for name in "abcd"]
    for path in paths:
        path.write_text("\n")
    with holding(paths[1], MAP), holding(paths[3], LOCK):
        assert held(map(str, paths)).paths == {str(paths[1]), str(paths[3])}


@needs_root
def test_who_may_not_look_at_others_says_so(lease):
    """Whose mapping is the only sign of him may be there then; a lock is seen all the same."""
    code = (
        "import os, sys; from envc.disk.leases import held; os.seteuid(7); "
        "found = held(sys.argv[1:]); print(bool(found.paths), found.sees_all)"
    )
    seen = {}
    for name in ("a mapping", "of a daemon"):
        with holding(lease, HOLDS[name], user=6):
            done = subprocess.run(
                [sys.executable, "-c", code, lease], capture_output=True, text=True, check=True
            )
            seen[name] = done.stdout
    assert seen == {"a mapping": "False False\n", "of a daemon": "True True\n"}


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_who_sees_no_process_outside_sees_their_locks(lease):
    code = (
        "import sys; from envc.disk.leases import held; "
        "found = held(sys.argv[1:]); print(bool(found.paths), found.sees_all)"
    )
    inside = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code, lease]
    seen = {}
    for name in ("a mapping", "a shared flock", "of a daemon"):
        with holding(lease, HOLDS[name]):
            done = subprocess.run(inside, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no namespace of processes here: {done.stderr}")
            seen[name] = done.stdout
    assert seen == {
        "a mapping": "False False\n",
        "a shared flock": "False False\n",
        "of a daemon": "True True\n",
    }
