"""What 0.1 made, once a session; each test that changes it gets it back as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.releases import Release, first_release, this_release
from compat.worlds import World, keep, make_overlays, make_target, write_world
from faults.sweep import remove, restore
from support.kits import keep_small_kit


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """0.1, with a cache of its own."""
    folder = tmp_path_factory.mktemp("first")
    with first_release(folder, folder / "cache") as release:
        yield release


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The release that is tested, with a cache of its own."""
    cache = tmp_path_factory.mktemp("this") / "cache"
    keep_small_kit(cache)
    with this_release(cache) as release:
        yield release


@pytest.fixture(scope="session")
def _made(
    tmp_path_factory: pytest.TempPathFactory, old: Release, new: Release
) -> Iterator[tuple[World, Path]]:
    """What 0.1 made, and a copy of it."""
    world = write_world(tmp_path_factory.mktemp("made") / "world", old, new)
    make_target(world)
    make_overlays(world)
    kept = keep(world.root)
    yield world, kept
    remove(world.root)
    remove(kept)


@pytest.fixture
def world(_made: tuple[World, Path]) -> World:
    """What 0.1 made: a target with two generations, and overlays."""
    world, kept = _made
    restore(world.root, kept)
    return world
