"""Wheels that a lock names by their paths are read up to a bound: the lock may be a stranger's."""

import os
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from envc.disk.cache import Cache
from envc.disk.memo import DigestMemo
from envc.host.context import Context
from envc.model.lock import Lock, LockedPin, LockedWheel
from envc.supply import local_files
from envc.supply.local_files import has_wheels_as_locked
from support.wheels import Recipe, sha256_of

NAMES = ("one", "two", "three")


class Digests(DigestMemo):
    """Counts the bytes that are read."""

    def __init__(self) -> None:
        super().__init__(Cache(Context().cache))
        self.bytes = 0

    def of(self, path, status):
        self.bytes += status.st_size
        return super().of(path, status)


@pytest.fixture
def wheels(tmp_path):
    return [Recipe(name=name, version="1.0").build(tmp_path) for name in NAMES]


def lock_of(wheels, **changes: Any) -> Lock:
    def pin(path):
        values = {"digest": f"sha256:{sha256_of(path)}", "size_bytes": path.stat().st_size}
        wheel = LockedWheel(filename=path.name, path=path.name, **(values | changes))
        project = canonicalize_name(path.name.partition("-")[0])
        return LockedPin(project=project, version="1.0", wheels=(wheel,))

    return Lock(layer="user", pins=tuple(map(pin, wheels)))


def test_wheels_that_are_as_locked(wheels, tmp_path):
    digests = Digests()
    assert has_wheels_as_locked(lock_of(wheels), digests, folder=str(tmp_path))
    assert digests.bytes == sum(path.stat().st_size for path in wheels)
    assert has_wheels_as_locked(lock_of(wheels, size_bytes=None), digests, folder=str(tmp_path))


def test_one_of_another_size_is_not_read(wheels, tmp_path):
    lock, digests = lock_of(wheels), Digests()
    os.truncate(wheels[0], 1 << 43)  # sparse: to read it takes hours
    assert not has_wheels_as_locked(lock, digests, folder=str(tmp_path))
    assert digests.bytes == 0


def test_they_are_not_read_without_end(wheels, tmp_path, monkeypatch):
    size = wheels[0].stat().st_size
    monkeypatch.setattr(local_files, "_MOST_OF_A_LOCK", 2 * size)
    digests = Digests()
    assert not has_wheels_as_locked(lock_of(wheels), digests, folder=str(tmp_path))
    assert digests.bytes <= 2 * size
