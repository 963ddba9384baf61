"""Where an overlay's base is, as its folder says, whose file may come from somebody else's."""

import os
import shutil

import pytest

from envc.disk.ownership import exposure
from envc.errors import UsageError
from envc.formats.location import Location
from envc.target.opened import find_target, named_for, read_location, write_location


@pytest.fixture
def target(tmp_path):
    """A target that others could change."""
    path = tmp_path / "target"
    path.mkdir()
    path.chmod(0o777)
    assert exposure(str(path)) is not None
    return str(path)


def overlay_on(target, folder):
    folder.mkdir()
    write_location(str(folder), named_for(str(folder), Location(site="canopy", target=target)))
    return str(folder)


def test_the_target_that_its_owner_named_is_found_again(target, tmp_path):
    folder = overlay_on(target, tmp_path / "own")
    assert find_target(None, folder) == target
    location = read_location(folder)
    os.rename(folder, tmp_path / "moved")
    assert find_target(None, str(tmp_path / "moved")) == target
    assert location is not None
    assert location.folder == os.stat(tmp_path / "moved").st_ino


def test_the_target_of_a_copied_location_has_to_be_named(target, tmp_path, monkeypatch):
    folder = overlay_on(target, tmp_path / "strangers")
    copy = str(tmp_path / "copy")
    shutil.copytree(folder, copy)
    with pytest.raises(UsageError) as told:
        find_target(None, copy)
    assert str(told.value) == (
        f"{copy}/location.toml (target): the target that this overlay stands on may be changed by "
        f"others, and nobody has named it for this folder: {target}: everybody may write to this "
        "folder, and so could replace what is in it\n"
        f"  help: run `envc overlay sync --dir {copy} --target DIR` with the target that you "
        "trust, or set ENVC_TARGET"
    )
    assert find_target(target, copy) == target
    monkeypatch.setenv("ENVC_TARGET", str(tmp_path))
    with pytest.raises(UsageError):
        find_target(None, copy)
    monkeypatch.setenv("ENVC_TARGET", target)
    assert find_target(None, copy) == target


def test_a_target_that_nobody_else_could_change_needs_no_name(target, tmp_path):
    os.chmod(target, 0o755)
    folder = overlay_on(target, tmp_path / "own")
    assert (tmp_path / "own/location.toml").read_text() == (
        f'version = 1\nsite = "canopy"\ntarget = "{target}"\n'
    )
    shutil.copytree(folder, tmp_path / "copy")
    assert find_target(None, str(tmp_path / "copy")) == target
