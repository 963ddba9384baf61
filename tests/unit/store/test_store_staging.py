import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from envc.store.staging import Staging, staging_in

DAY = 86_400


def stage(staging: Staging, name: str, text: str = "new") -> None:
    folder = Path(staging.add(name))
    (folder / "manifest").write_text(text)


def leave(root: Path, name: str, *, age: int = 0) -> Path:
    """What an interrupted run leaves: its lock is free."""
    folder = root / "tmp" / name
    (folder / "half/tree").mkdir(parents=True)
    (folder / ".lock").touch()
    time = folder.stat().st_mtime - age
    os.utime(folder, (time, time))
    return folder


def own_name(suffix: str) -> str:
    return os.uname().nodename.partition(".")[0] + "-" + suffix


def test_published_trees_are_visible_and_the_private_folder_is_gone(tmp_path: Path) -> None:
    root = tmp_path / "store"
    umask = os.umask(0o077)
    try:
        with staging_in(str(root)) as staging:
            stage(staging, "a")
            assert Path(staging.folder).stat().st_mode & 0o777 == 0o700
            assert os.listdir(root / "wheels") == []
            staging.publish(["a"])
    finally:
        os.umask(umask)
    assert (root / "wheels/a/manifest").read_text() == "new"
    for folder in (root, root / "wheels", root / "wheels/a"):
        assert folder.stat().st_mode & 0o777 == 0o755
    assert os.listdir(root / "tmp") == []


def test_first_to_publish_stays(tmp_path: Path) -> None:
    with staging_in(str(tmp_path)) as staging, staging_in(str(tmp_path)) as other:
        stage(other, "a", "first")
        other.publish(["a"])
        inode = (tmp_path / "wheels/a/manifest").stat().st_ino
        stage(staging, "a", "second")
        stage(staging, "b")
        staging.publish(["a", "b"])
    assert (tmp_path / "wheels/a/manifest").read_text() == "first"
    assert (tmp_path / "wheels/a/manifest").stat().st_ino == inode
    assert (tmp_path / "wheels/b/manifest").read_text() == "new"


def test_tree_without_a_manifest_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "wheels/a/tree").mkdir(parents=True)
    with staging_in(str(tmp_path)) as staging:
        stage(staging, "a")
        staging.publish(["a"])
    assert os.listdir(tmp_path / "wheels/a") == ["manifest"]
    assert os.listdir(tmp_path / "tmp") == []


def test_nothing_is_published_when_the_work_fails(tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), staging_in(str(tmp_path)) as staging:
        stage(staging, "a")
        raise ZeroDivisionError
    assert os.listdir(tmp_path / "wheels") == []
    assert os.listdir(tmp_path / "tmp") == []


def test_leftovers_are_removed(tmp_path: Path) -> None:
    leave(tmp_path, own_name("dead"))
    (leave(tmp_path, own_name("diedbeforeitslock")) / ".lock").unlink()
    leave(tmp_path, "othernode-dead", age=DAY + 60)
    (tmp_path / "tmp/othernode-torn.leftover/half").mkdir(parents=True)
    with staging_in(str(tmp_path)) as staging:
        assert os.listdir(tmp_path / "tmp") == [os.path.basename(staging.folder)]


def test_work_in_progress_is_left_alone(tmp_path: Path) -> None:
    locked = leave(tmp_path, own_name("alive"))
    foreign = leave(tmp_path, "othernode-perhaps")
    neighbour = leave(tmp_path, own_name("2-perhaps"))
    with open(locked / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with staging_in(str(tmp_path)):
            assert (locked / "half/tree").is_dir()
            assert (foreign / "half/tree").is_dir()
            assert (neighbour / "half/tree").is_dir()


def test_folder_that_was_taken_for_a_leftover_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it holds its lock, nobody can tell a new folder from a dead one."""
    make = tempfile.mkdtemp
    made: list[str] = []

    def make_and_lose_the_first(**options: str) -> str:
        made.append(make(**options))
        if len(made) == 1:
            os.rmdir(made[0])
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose_the_first)
    with staging_in(str(tmp_path)) as staging:
        assert len(made) == 2
        stage(staging, "a")
        staging.publish(["a"])
    assert os.listdir(tmp_path / "wheels") == ["a"]
