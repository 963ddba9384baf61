"""Locks that 0.1 wrote, in the hands of this release."""

import os
import shutil
from pathlib import Path

import pytest

from compat.releases import Release
from compat.worlds import BUILDS, World, write_world
from support.sdists import Sdist
from support.sites import over_wheels
from support.wheels import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.compat]

RICH = over_wheels(f"""\
[sources]
six = "wheels"

[[target]]
name = "node"
platform = "linux-{os.uname().machine}"
libc = "glibc-2.17"

[[target]]
name = "laptop"
platform = "macos-arm64"

[layer.system]
requires = ["tool @ ./vendor/tool-1.0-py3-none-any.whl", "six<1.17; sys_platform == 'darwin'"]
constraints = ["numpy<3"]

[layer.user]
base = "system"
requires = ["pandas", "scipy", {'"built", ' if BUILDS else ""}"report"]
overrides = ["numpy<2"]

[layer.lone]
requires = ["theme"]

[resolver]
no-build = false
prereleases = "allow"

[overlays]
specs = ["overlays/*.toml"]
""")


def texts(folder: Path) -> dict[str, bytes]:
    """Every lock and built wheel below a folder."""
    found = [*folder.rglob("pylock.*.toml"), *folder.rglob("wheelhouse/**/*.whl")]
    return {str(path): path.read_bytes() for path in found}


@pytest.fixture
def rich(tmp_path: Path, old: Release, new: Release) -> World:
    """A site with all that a lock can hold, and an overlay's spec beside it, locked by 0.1."""
    world = write_world(tmp_path / "world", old, new)
    (world.site.folder / "wheels").unlink()
    tool = Recipe(name="tool", version="1.0")
    tool.build(world.site.folder / "vendor")
    Sdist(Recipe(name="built", version="1.0")).build(world.root / "wheels")
    world.site.write(RICH)
    spec = world.site.overlay("plots", 'requires = ["polars", "notebook"]', 'hide = ["scipy"]')
    world.old.done("lock")
    world.old.done("lock", "--overlay", spec)
    return world


def test_they_are_found_unchanged(rich: World, tmp_path: Path) -> None:
    before = texts(rich.site.folder)
    assert len(before) == 4 + BUILDS
    for release in (rich.new.keeping(tmp_path / "cache"), rich.new.keeping(tmp_path / "cache")):
        for words in ((), ("--overlay", "overlays/plots.toml")):
            assert release.json("lock", *words)["changed"] is False
            assert release.json("lock", "--check", *words)["changed"] is False
    assert texts(rich.site.folder) == before
    verdicts = rich.new.json("check")["overlays"]
    assert [(each["name"], each["ok"]) for each in verdicts] == [("plots", True)]
    assert not [each for each in verdicts[0]["findings"] if each["code"].startswith("ENVC3")]


def test_their_pins_stay_although_newer_ones_are_there(rich: World) -> None:
    Recipe(name="report", version="2.0").build(rich.root / "wheels")
    rich.site.edit('requires = ["theme"]', 'requires = ["theme", "six"]')
    assert rich.new.envc("lock", "--check").status == 1
    report = rich.new.json("lock")["layers"]
    assert report["user"]["pins"]["report"] == "1.0"
    assert set(report["lone"]["pins"]) == {"six", "theme"}
    report = rich.new.json("lock", "--upgrade-package", "report")["layers"]
    assert report["user"]["pins"]["report"] == "2.0"


def test_they_are_materialized_as_they_are(world: World, tmp_path: Path) -> None:
    fresh = tmp_path / "Canopy"
    before = texts(world.site.folder)
    report = world.new.json("materialize", "--target", fresh, "--offline")
    assert (report["generation"], report["changed"]) == (1, True)
    assert world.new.json("verify", "--target", fresh)["ok"]
    assert world.new.json("diff", fresh, world.target)["equal"]
    assert texts(world.site.folder) == before


def test_one_that_is_stale_is_refused(world: World) -> None:
    world.site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    answer = world.new.envc("materialize", "--target", world.target)
    assert (answer.status, "envc lock" in answer.stderr) == (1, True)
    assert world.current() == 2


def test_those_of_an_overlay_are_found_unchanged_where_they_are(world: World) -> None:
    for name in ("plots", "group", "carol"):
        spec = world.storage / name / "overlay.toml"
        lock = spec.with_name(f"pylock.{name}.toml")
        before = lock.read_bytes()
        for words in (("lock", "--check"), ("lock",)):
            assert world.new.json(*words, "--overlay", spec)["changed"] is False
        assert lock.read_bytes() == before
    elsewhere = world.site.folder / "overlays"
    elsewhere.mkdir()
    shutil.copy(world.storage / "group/overlay.toml", elsewhere / "group.toml")
    shutil.copy(world.storage / "group/pylock.group.toml", elsewhere)
    (verdict,) = world.new.json("check")["overlays"]
    assert (verdict["ok"], verdict["adds"], verdict["findings"]) == (True, ["theme"], [])
