"""A place for worlds that are written often: in memory where that is possible."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.images import made
from faults.sweep import copied, remove
from faults.world import World, new_world

_MEMORY = "/dev/shm"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the sweeps, unless `-m` speaks of them."""
    if "sweep" in config.option.markexpr:
        return
    sweeps = [item for item in items if item.get_closest_marker("sweep")]
    if sweeps:
        config.hook.pytest_deselected(items=sweeps)
        items[:] = [item for item in items if not item.get_closest_marker("sweep")]


@pytest.fixture(scope="session")
def arena() -> Iterator[Path]:
    """A private folder; on tmpfs where there is one, which a killed process cannot tell."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="envc-faults-", dir=memory))
    yield folder
    remove(folder)


@pytest.fixture(scope="session")
def template(arena: Path) -> World:
    """A locked site, to copy and not to change."""
    root = arena / "template"
    root.mkdir()
    return new_world(root)


@pytest.fixture
def world(template: World, tmp_path: Path) -> Iterator[World]:
    """A locked site on the disk of the temporary folder."""
    found = copied(template, tmp_path / "world")
    yield found
    remove(found.root)


@pytest.fixture(scope="session")
def can_mount(arena: Path) -> None:
    """Skip where root may not mount: in most containers."""
    folder = arena / "probe"
    folder.mkdir()
    try:
        with made(folder, "ext4", 8):
            pass
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("file systems cannot be mounted here")
