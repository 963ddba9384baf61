"""A target with two generations, to damage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.sweep import copied, remove
from faults.world import World, new_world


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with generations 1 and 2, to copy and not to change."""
    world = new_world(tmp_path_factory.mktemp("upgraded"))
    world.done(*world.materialize(1))
    world.done(*world.materialize(2))
    yield world
    remove(world.root)


@pytest.fixture
def world(upgraded: World, tmp_path: Path) -> Iterator[World]:
    """A world with generations 1 and 2; the second is current."""
    found = copied(upgraded, tmp_path / "world")
    yield found
    remove(found.root)
