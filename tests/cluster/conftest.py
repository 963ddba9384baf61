"""Sites to roll out, and nodes to roll them out to."""

import shutil
from pathlib import Path

import pytest

from cluster.fake_nodes import Cluster
from support.kits import keep_small_kit
from support.sites import SiteFolder


@pytest.fixture(scope="session")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has a kit of this envc, a small one."""
    cache = tmp_path_factory.mktemp("kits")
    keep_small_kit(cache)
    return cache


@pytest.fixture
def cluster(
    site: SiteFolder, built: SiteFolder, kits: Path, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    """The site of the story, locked; no node has anything."""
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))
    for lock in built.folder.glob("pylock.*.toml"):
        shutil.copy(lock, site.folder)
    return Cluster(site, built.target / "store")
