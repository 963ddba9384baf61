"""The page of `envc check --format html` in a real browser, from a file."""

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from envc.cli.page import page_template
from envc.formats.report_html import html_page
from envc.model.finding import Finding, Verdict
from support.browser import cut_on_a_phone, needs_browser, unreadable

pytestmark = [pytest.mark.slow, needs_browser]

OVERLAYS = 1_000
SHOWN_AT_ONCE = 200


def verdict(number: int) -> Verdict:
    """Every tenth is in conflict, every fourth has a warning."""
    found: list[Finding] = []
    if number % 10 == 0:
        where = f"overlays/user-{number}.toml:5 (overlay.requires[0])"
        found.append(
            Finding(
                code="ENVC201",
                severity="error",
                message="no set of releases\n  <numpy> & more",
                projects=("numpy",),
                where=where,
                mend="relax it",
            )
        )
    if number % 4 == 0:
        found.append(Finding(code="ENVC301", severity="warning", message="no lock"))
    return Verdict(
        name=f"user-{number}",
        spec=f"overlays/user-{number}.toml",
        ok=number % 10 != 0,
        inherits=141,
        adds=("polars",) if number % 3 == 0 else (),
        shadows=(),
        lifts=(),
        findings=tuple(found),
        owner=f"person{number % 7}",
        base="user",
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    template = page_template("check")
    path = tmp_path_factory.mktemp("page") / "check.html"
    impacts = {"overlays/user-10.toml": "broken"}
    text = html_page(template, map(verdict, range(OVERLAYS)), site="canopy", impacts=impacts)
    path.write_text(text)
    return Path(path).as_uri()


def rows(browser: webdriver.Chrome) -> int:
    return int(browser.execute_script("return document.querySelectorAll('tbody tr').length"))


def get(browser: webdriver.Chrome, name: str) -> WebElement:
    return browser.find_element(By.ID, name)


def test_it_sums_up_and_needs_nothing_else(browser: webdriver.Chrome) -> None:
    assert get(browser, "sum").text == "1000 overlays, 100 in conflict"
    assert rows(browser) == SHOWN_AT_ONCE
    loaded = "return performance.getEntriesByType('resource').length"
    assert browser.execute_script(loaded) == 0
    assert browser.get_log("browser") == []


def test_it_filters_and_searches(browser: webdriver.Chrome) -> None:
    get(browser, "search").send_keys("person3 polars")
    assert get(browser, "sum").text.startswith("48 of 1000 overlays")
    get(browser, "search").clear()
    browser.execute_script(
        "const s = document.getElementById('verdict'); s.value = 'fail';"
        "s.dispatchEvent(new Event('input'))"
    )
    assert get(browser, "sum").text == "100 of 1000 overlays, 100 in conflict"
    browser.find_element(By.CSS_SELECTOR, "th.code button[title*='no lock']").click()
    assert get(browser, "sum").text == "50 of 1000 overlays, 50 in conflict"
    get(browser, "search").send_keys("nobody")
    assert get(browser, "none").is_displayed()


def test_it_shows_more_when_asked(browser: webdriver.Chrome) -> None:
    get(browser, "more").click()
    assert rows(browser) == 2 * SHOWN_AT_ONCE


def test_it_is_used_by_keyboard_alone(browser: webdriver.Chrome) -> None:
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    browser.switch_to.active_element.send_keys("user-10 broken", Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    detail = get(browser, "detail")
    assert browser.switch_to.active_element == detail
    assert detail.text.splitlines() == [
        "user-10",
        "overlays/user-10.toml, owner person3, on user, broken",
        "inherits 141",
        "✖ error ENVC201",
        "no set of releases",
        "  <numpy> & more",
        "at: overlays/user-10.toml:5 (overlay.requires[0])",
        "help: relax it",
    ]
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not detail.is_displayed()
    assert browser.switch_to.active_element.tag_name == "tr"


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(
    browser: webdriver.Chrome, page: str, *, dark: bool
) -> None:
    selectors = ("tbody th", ".error", ".good", ".warning", ".soft")
    assert unreadable(browser, page, *selectors, dark=dark) == []


def test_nothing_is_cut_on_a_phone_and_failures_come_first(browser: webdriver.Chrome) -> None:
    assert cut_on_a_phone(browser) == []
    rows = browser.find_elements(By.CSS_SELECTOR, "#rows tr td:first-child")
    assert [row.text for row in rows[:100]] == ["FAIL"] * 100
