"""The browser of the pages' tests: a module names its page, and each test gets it opened anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    from support.browser import chromium  # it takes its time to import, and most tests need none

    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(opened: webdriver.Chrome, page: str) -> webdriver.Chrome:
    opened.get(page)
    return opened
