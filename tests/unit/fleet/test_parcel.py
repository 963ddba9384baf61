"""A parcel is unpacked by who alone works in the directory."""

import os
import shutil

import pytest

from envc.disk.locks import exclusive
from envc.errors import OutsideError
from envc.fleet.parcel import unpack_parcel
from envc.formats.parcel import parcel_to_json
from envc.model.nodes import Parcel
from envc.target.directory import Directory, Shape

PARCEL = parcel_to_json(Parcel(site="canopy", origin="/site", files={"envc.toml": "version = 1\n"}))


@pytest.fixture
def directory(tmp_path):
    return Directory(str(tmp_path / "Canopy"), Shape.TARGET)


def test_its_files_stand_in_the_target(directory):
    folder, name = unpack_parcel(directory, PARCEL, "p.json")
    assert name == "envc.toml"
    assert sorted(os.listdir(folder)) == ["envc.toml", "location.toml"]


def test_it_is_not_unpacked_while_somebody_else_works_there(directory, monkeypatch):
    folder, _ = unpack_parcel(directory, PARCEL, "p.json")
    monkeypatch.setenv("ENVC_LOCK_TIMEOUT", "0")
    with exclusive(directory.lock):
        assert unpack_parcel(directory, PARCEL, "p.json") == (folder, "envc.toml")  # it is there
        shutil.rmtree(folder)
        with pytest.raises(OutsideError, match="holds the lock"):
            unpack_parcel(directory, PARCEL, "p.json")
    assert not os.path.exists(folder)
