"""A file system that is full: nothing is switched, the error is named, and room is all it takes."""

import os
import subprocess

import pytest

from support.sites import SiteFolder, envc

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path):
    """A file system of half a megabyte; a function makes it larger."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = "size=512k,mode=0755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("filler_kib", [500, 460, 420, 380])
def test_a_full_disk_leaves_nothing_half_done(small, tmp_path, recipes, built, filler_kib):
    site = SiteFolder(tmp_path / "world", recipes).write()
    site.done("lock")
    target = small / "target"
    (small / "filler").write_bytes(b"x" * filler_kib * 1024)
    answer = envc("materialize", "--target", target, cwd=site.folder)
    assert answer.status == 4
    assert "No space left on device" in answer.stderr
    assert " help: free space or inodes on this file system\n" in answer.stderr
    assert not (target / "current").is_symlink()
    (small / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
    answer = envc("materialize", "--target", target, "--json", cwd=site.folder)
    assert answer.status == 0, answer.stderr
    assert answer.json["digest"] == built.materialize()["digest"]
