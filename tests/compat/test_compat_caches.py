"""One ENVC_CACHE_DIR for both releases: what the other one left is used or ignored."""

import getpass
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from compat.releases import Release
from compat.worlds import SPEC, World, write_world
from support.index_server import IndexServer
from support.sites import over_url

pytestmark = [pytest.mark.slow, pytest.mark.compat]


@dataclass
class Shared:
    """A site over an index with HTTP, and two releases with one cache."""

    world: World
    server: IndexServer
    targets: int = 0

    def day(self, release: Release) -> None:
        """All that reads or fills the cache."""
        self.targets += 1
        target = self.world.root / f"target-{self.targets}"
        release = release.told(ENVC_TARGET=str(target))
        for words in (
            ("lock",),
            ("lock", "--upgrade"),
            ("lock", "--check"),
            ("lock", "--overlay", "overlays/plots.toml", "--upgrade"),
            ("materialize", "--target", target),
            ("check",),
            ("why", "numpy"),
            ("overlay", "init", "ours"),
            ("overlay", "add", "polars", "--dir", self.ours),
            ("run", self.world.root / "plot.py"),
        ):
            release.done(*words)
        shutil.rmtree(self.ours)
        release.done("uninstall", "--target", target)

    @property
    def ours(self) -> Path:
        return self.world.root / "storage" / getpass.getuser() / "ours"


@pytest.fixture
def shared(tmp_path: Path, old: Release, new: Release) -> Iterator[Shared]:
    cache = tmp_path / "cache"
    world = write_world(tmp_path / "world", old.keeping(cache), new.keeping(cache))
    (world.root / "plot.py").write_text(
        '# /// script\n# dependencies = ["notebook"]\n# ///\nimport notebook\n'
    )
    with IndexServer(world.root / "wheels") as server:
        tables = SPEC.split("[[index]]")[1].split("\n\n", 1)[1]
        (world.site.folder / "wheels").unlink()
        world.site.write(over_url("site", server.url, tables))
        world.site.overlay("plots", 'requires = ["polars"]')
        yield Shared(world, server)


@pytest.mark.parametrize("order", ["old new old new", "new old new"])
def test_a_day_of_each(shared: Shared, order: str) -> None:
    """With the same answers, and nothing that is fetched again and again."""
    locks = shared.world.site.folder
    names = ("pylock.user.toml", "overlays/pylock.plots.toml")
    seen = []
    for name in order.split():
        shared.day(getattr(shared.world, name))
        seen.append([(locks / each).read_bytes() for each in names])
    assert seen == [seen[0]] * len(seen)
    asked = len(shared.server.paths())
    for release in (shared.world.old, shared.world.new):
        release.done("lock", "--upgrade", "--offline")
        release.done("check", "--offline")
    assert len(shared.server.paths()) == asked


def test_what_is_in_it_may_be_of_any_release(shared: Shared) -> None:
    """Also of one to come, or cut off."""
    shared.day(shared.world.old)
    cache = shared.world.new.cache
    for number, path in enumerate(sorted(cache.rglob("*"))):
        if path.is_file() and not path.name.startswith("."):
            path.chmod(0o644)
            path.write_bytes((b"", b"\0\x80", b'{"version": 99}')[number % 3])
    for name in ("new", "old"):
        shared.day(getattr(shared.world, name))


def test_it_is_shown_and_cleaned(shared: Shared) -> None:
    shared.day(shared.world.old)
    new = shared.world.new
    assert new.done("cache", "dir").stdout == f"{new.cache}\n"
    new.done("cache", "clean")
    left = [path for path in new.cache.rglob("*") if path.is_file() and path.stat().st_size]
    assert left == []
    shared.day(new)
