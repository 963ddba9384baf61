"""Private folders: gone with the block, and with the next one when a run was killed."""

import os
from pathlib import Path

from envc.disk.private import private_folder, remove_abandoned

NODE = os.uname().nodename.partition(".")[0]


def test_a_folder_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    parent = tmp_path / "new" / "parent"
    with private_folder(str(parent), ".part-") as folder:
        assert Path(folder).parent == parent
        assert Path(folder).name.startswith(f".part-{NODE}-")
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        (Path(folder) / "closed").mkdir(mode=0o555)
    assert os.listdir(parent) == []


def test_only_what_has_the_prefix_is_removed(tmp_path: Path) -> None:
    for name in (f".part-{NODE}-dead", f"{NODE}-other", "mine"):
        (tmp_path / name).mkdir()
    remove_abandoned(str(tmp_path), ".part-")
    assert sorted(os.listdir(tmp_path)) == sorted([f"{NODE}-other", "mine"])


def test_two_at_a_time_leave_each_other_alone(tmp_path: Path) -> None:
    with private_folder(str(tmp_path)) as first, private_folder(str(tmp_path)) as second:
        assert first != second
        remove_abandoned(str(tmp_path))
        assert len(os.listdir(tmp_path)) == 2


def test_a_parent_that_is_not_there_has_nothing_abandoned(tmp_path: Path) -> None:
    remove_abandoned(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
