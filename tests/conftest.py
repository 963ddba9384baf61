"""What every test has: no network but the loopback, and nothing of the person who runs it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.wheels import build_all
from support.wheelhouse import RECIPES

# Variables of envc and of other tools that would change what a test sees.
_FOREIGN = ("ENVC_", "PIP_", "UV_", "XDG_", "PYTHON", "CONDA_", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what came out as what is expected"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a network, unless `-m` speaks of it."""
    if "network" in config.option.markexpr:
        return
    asking = [item for item in items if item.get_closest_marker("network")]
    if asking:
        config.hook.pytest_deselected(items=asking)
        items[:] = [item for item in items if not item.get_closest_marker("network")]


def _isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Point HOME and envc's cache into `home`, and drop what other tools are configured by."""
    for name in os.environ:
        if name.startswith(_FOREIGN):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("ENVC_CACHE_DIR", str(home / "cache"))
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("NO_COLOR", "1")
    patch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture(scope="session", autouse=True)
def _session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For what is built once a session: it must not see the person's folders either."""
    real = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path_factory.mktemp("home"))
        patch.setenv("PYENV_ROOT", real)  # where other interpreters are is the machine's, not his
        yield


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(scope="session")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of `support.wheelhouse`, to read only."""
    folder = tmp_path_factory.mktemp("recipes")
    build_all(RECIPES, folder)
    return folder


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be written anew."""
    return bool(request.config.getoption("--update-golden"))
