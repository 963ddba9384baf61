"""What every test has: no network but the loopback, and nothing of the person who runs it.

It starts in an empty folder of its own: what a Python that it starts finds there is nobody's.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from envc.cluster.kit import KITS
from support.cores import core_archive
from support.kits import keep_small_kit
from support.sites import SiteFolder
from support.wheelhouse import RECIPES
from support.wheels import build_all

# Variables of envc and of other tools that would change what a test sees.
_FOREIGN = ("ENVC_", "PIP_", "UV_", "XDG_", "PYTHON", "CONDA_", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what came out as what is expected"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, and what needs a network, unless `-m` speaks of it."""
    spoken = config.option.markexpr
    config.hook.pytest_deselected(items=[item for item in items if marked_as(item) not in spoken])
    items[:] = [item for item in items if marked_as(item) in spoken]


def marked_as(item: pytest.Item) -> str:
    """The word that `-m` has to hold for it: a trial is one, with a network or without."""
    found = (word for word in ("trial", "network") if item.get_closest_marker(word))
    return next(found, "")


def _start_in(patch: pytest.MonkeyPatch, world: Path) -> Path:
    """Change to a new empty folder; the path of another one, for a home."""
    for name in ("here", "home"):
        (world / name).mkdir()
    patch.chdir(world / "here")
    return world / "home"


def _isolate(patch: pytest.MonkeyPatch, home: Path, kits: Path) -> None:
    """Point HOME and envc's cache into `home`, and drop what other tools are configured by.

    The kit of envc, which every target carries, is the one in the folder `kits`.
    """
    (home / "cache").mkdir()
    (home / "cache" / KITS).symlink_to(kits)
    for name in os.environ:
        if name.startswith(_FOREIGN):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("ENVC_CACHE_DIR", str(home / "cache"))
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("NO_COLOR", "1")


def _kits(tmp_path_factory: pytest.TempPathFactory, *, whole: bool = False) -> Path:
    """A cache's folder of kits for all tests: with a small one, or where the whole one is made."""
    cache = tmp_path_factory.getbasetemp() / ("whole-kit" if whole else "small-kit")
    if not cache.exists():
        (cache / KITS).mkdir(parents=True)
        if not whole:
            keep_small_kit(cache)
    return cache / KITS


@pytest.fixture(scope="session", autouse=True)
def _session_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """For what is built once a session: it must not see the person's folders either.

    Tests that need an index need the configuration that leads to it.
    """
    real = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    with pytest.MonkeyPatch.context() as patch:
        home = _start_in(patch, tmp_path_factory.mktemp("session"))
        if any(item.get_closest_marker("network") for item in request.session.items):
            yield
            return
        _isolate(patch, home, _kits(tmp_path_factory))
        patch.setenv("PYENV_ROOT", real)  # where other interpreters are is the machine's, not his
        yield


@pytest.fixture(autouse=True)
def _home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        home = _start_in(patch, tmp_path_factory.mktemp("person"))
        if request.node.get_closest_marker("network"):
            patch.setenv("ENVC_CACHE_DIR", str(home / "cache"))
        else:
            whole = request.node.get_closest_marker("whole_kit") is not None
            _isolate(patch, home, _kits(tmp_path_factory, whole=whole))
        yield
    shutil.rmtree(home.parent, ignore_errors=True)  # thousands of them would fill a disk


@pytest.fixture(scope="session")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of `support.wheelhouse`, to read only."""
    folder = tmp_path_factory.mktemp("recipes")
    build_all(RECIPES, folder)
    return folder


@pytest.fixture
def site(tmp_path: Path, recipes: Path) -> SiteFolder:
    """The site of the story, as it is written: nothing is locked."""
    return SiteFolder(tmp_path / "world", recipes).write()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, recipes: Path) -> SiteFolder:
    """The same site, locked and materialized once, to read only."""
    found = SiteFolder(tmp_path_factory.mktemp("built"), recipes).write()
    found.done("lock")
    found.materialize()
    return found


@pytest.fixture
def warm(site: SiteFolder, built: SiteFolder) -> SiteFolder:
    """The site, locked; its target's store has every wheel already, compiled."""
    for lock in built.folder.glob("pylock.*.toml"):
        shutil.copy(lock, site.folder)
    shutil.copytree(built.target / "store", site.target / "store", symlinks=True)
    return site


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be written anew."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small archive of the running interpreter, which runs wherever it is unpacked."""
    return core_archive(tmp_path_factory.mktemp("archive") / "cpython.tar.gz")
