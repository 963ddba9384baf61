"""Files of other people: nothing of anybody else comes along, nothing keeps a reader waiting."""

import os

import pytest

from envc.disk import foreign
from envc.errors import UsageError

ME = os.geteuid()


@pytest.fixture
def storage(tmp_path):
    folder = tmp_path / "storage"
    (folder / "user" / "overlay").mkdir(parents=True)
    (folder / "user" / "overlay" / "spec").write_bytes(b"text")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def read(storage, path="user/overlay/spec", owner=ME, most_bytes=100):
    return foreign.read(owner, str(storage), path, most_bytes=most_bytes)


def test_a_file_in_folders_of_its_owner_is_read(storage):
    assert read(storage) == b"text"


def test_the_file_is_no_link(storage):
    path = storage / "user" / "overlay" / "spec"
    path.unlink()
    path.symlink_to(storage.parent / "secret")
    with pytest.raises(UsageError, match="a link is on the way"):
        read(storage)


@pytest.mark.parametrize("name", ["user", "user/overlay"])
def test_no_folder_on_the_way_is_a_link(storage, name):
    (storage / name).rename(storage.parent / "elsewhere")
    (storage / name).symlink_to(storage.parent / "elsewhere")
    with pytest.raises(UsageError, match="a link is on the way"):
        read(storage)


def test_the_storage_itself_may_be_behind_a_link(storage):
    (storage.parent / "link").symlink_to(storage)
    assert read(storage.parent / "link") == b"text"


def test_a_pipe_is_not_waited_for(storage):
    path = storage / "user" / "overlay" / "pipe"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="it is no file"):
        read(storage, "user/overlay/pipe")


def test_no_more_than_the_bound_is_read(storage):
    path = storage / "user" / "overlay" / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="larger than"):
        read(storage, "user/overlay/large")
    path.write_bytes(b"x" * 100)
    assert len(read(storage, "user/overlay/large")) == 100


@pytest.mark.skipif(ME != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["user", "user/overlay", "user/overlay/spec"])
def test_all_belongs_to_one_user(storage, name):
    for path in (storage / "user", storage / "user/overlay", storage / "user/overlay/spec"):
        os.chown(path, 6, 6)
    assert read(storage, owner=6) == b"text"
    os.chown(storage / name, 5, 5)
    with pytest.raises(UsageError, match="belongs to user 5, not 6"):
        read(storage, owner=6)


def test_what_is_not_there_is_told_as_that(storage):
    with pytest.raises(FileNotFoundError):
        read(storage, "user/overlay/nothing")
