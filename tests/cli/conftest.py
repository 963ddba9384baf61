"""What tests of several commands start from.

Of the pages' tests each module names its page, and each test gets it opened anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.sites import envc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver

    from support.sites import SiteFolder


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    from support.browser import chromium  # it takes its time to import, and most tests need none

    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(opened: webdriver.Chrome, page: str) -> webdriver.Chrome:
    opened.get(page)
    return opened


@pytest.fixture(scope="module")
def toy_index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an index of the module's `WHEELS`."""
    from support.index_server import IndexServer
    from support.wheels import build_all

    wheels = tmp_path_factory.mktemp("index")
    build_all(request.module.WHEELS, wheels)
    with IndexServer(wheels) as server:
        yield server.url


@pytest.fixture
def alice(built: SiteFolder, tmp_path: Path) -> Path:
    """A new overlay, on the site that is built once."""
    folder = tmp_path / "alice"
    answer = envc("overlay", "init", "--dir", folder, "--target", built.target)
    assert answer.status == 0, answer.stderr
    return folder
