"""The worlds of the tests: one to read, one to write to."""

from pathlib import Path

import pytest
from worlds import EXTRA, World, make_world

from support.wheelhouse import RECIPES
from support.wheels import build_all


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    build_all((*RECIPES, *EXTRA), folder)
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> World:
    """To read only."""
    return make_world(tmp_path_factory.mktemp("world"), wheels)


@pytest.fixture
def own_world(tmp_path: Path, wheels: Path) -> World:
    """To write to."""
    return make_world(tmp_path / "own", wheels)
