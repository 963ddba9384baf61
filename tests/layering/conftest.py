"""The worlds of the tests: one to read, one to write to."""

import os
import sys
from glob import glob
from pathlib import Path

import pytest
from plain import environment, wheel
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


@pytest.fixture(scope="session")
def other_core() -> str:
    """A CPython of another X.Y than the one that runs the tests."""
    root = os.environ.get("PYENV_ROOT") or f"{Path.home()}/.pyenv"
    own = "{}.{}".format(*sys.version_info)
    for path in sorted(glob(f"{root}/versions/3.1[1-9]*/bin/python3.1[1-9]")):
        if not path.endswith(own):
            return path
    pytest.skip("no other CPython among pyenv's versions")


@pytest.fixture
def own_world(tmp_path: Path, wheels: Path) -> World:
    """To write to."""
    return make_world(tmp_path / "own", wheels)


@pytest.fixture
def plain(tmp_path: Path, wheels: Path) -> tuple[Path, Path]:
    """A base like the layer `user`, and an environment on it, by a `.pth`."""
    names = ("numpy-1.26.4", "scipy-1.11.0", "pandas-2.2.0", "six-1.17.0", "report-1.0")
    names += ("linked-1.0", "headers-1.0", "importlib_metadata-9.0")
    base = environment(tmp_path / "base", *(wheel(wheels, name) for name in names))
    return base, environment(tmp_path / "top", on=base)
