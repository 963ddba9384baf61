import os

import pytest

from envc.disk.folders import walk


def test_it_finds_what_os_walk_finds(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/file").write_text("")
    assert list(walk(str(tmp_path))) == list(os.walk(tmp_path))


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    below = walk(str(tmp_path))
    _, folders, _ = next(below)
    folders.sort()
    (tmp_path / "b").rmdir()
    assert next(below)[0] == str(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match="/b"):
        next(below)
