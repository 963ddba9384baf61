"""Bundles that 0.1 made, in the hands of this release; and the other way round."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.worlds import World, kept

pytestmark = [pytest.mark.slow, pytest.mark.compat]


@pytest.fixture(scope="session")
def bundles(
    _made: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """The state that 0.1 left the checkout in, as a bundle of each release."""
    world, copy = _made
    folder = tmp_path_factory.mktemp("bundles")
    site = folder / "site"
    shutil.copytree(copy / "site", site)
    made = {}
    for release in (world.old, world.new):
        made[release.name] = folder / f"{release.name}.envc"
        wheels = ("--from", copy / "wheels", "--offline")
        release.done("bundle", "--site", site, "-o", made[release.name], *wheels)
    yield made
    shutil.rmtree(site)


def test_a_node_is_made_from_it(world: World, bundles: dict[str, Path], tmp_path: Path) -> None:
    fresh = tmp_path / "Canopy"
    words = ("materialize", "--target", fresh, "--from", bundles["0.1"], "--offline")
    node = world.new.within(tmp_path).keeping(tmp_path / "cache")
    assert node.json(*words)["generation"] == 1
    assert node.json(*words)["changed"] is False
    assert node.json("verify", "--target", fresh)["ok"]
    assert node.json("diff", fresh, world.target)["equal"]
    assert world.own(fresh, "verify").status == 0
    node.done("uninstall", "--target", fresh)
    assert not fresh.exists()


def test_a_target_that_has_it_holds_it(world: World, bundles: dict[str, Path]) -> None:
    """Whichever release made the bundle, and whatever was materialized from before."""
    before = world.trees()
    node = world.new.within(world.root)
    words = ("materialize", "--target", world.target, "--offline", "--from")
    report = node.json(*words, bundles["0.1"])
    assert world.holds(2, report["generation"])
    for name in ("this", "0.1"):
        again = node.json(*words, bundles[name])
        assert (again["generation"], again["changed"]) == (report["generation"], False)
    assert world.materialize().changed is False
    assert kept(before, world.trees())
    assert world.is_sound()


def test_a_target_comes_to_it(world: World, bundles: dict[str, Path]) -> None:
    node = world.new.within(world.root)
    node.done("rollback", "--target", world.target)
    words = ("--target", world.target, "--from", bundles["0.1"], "--offline")
    report = node.json("materialize", *words)
    assert (world.holds(2, report["generation"]), report["changed"]) == (True, True)
    assert world.is_sound()


def test_the_first_release_takes_one_of_this_release(
    world: World, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """A node that has 0.1 is not left behind."""
    fresh = tmp_path / "Canopy"
    words = ("materialize", "--target", fresh, "--from", bundles["this"], "--offline")
    node = world.old.within(tmp_path).keeping(tmp_path / "cache")
    assert node.json(*words)["generation"] == 1
    assert world.new.json("verify", "--target", fresh)["ok"]
    assert world.program(fresh / "user", "import pandas, scipy, report") == ""
