"""The page of `envc status --format html` in a real browser, from a file."""

from dataclasses import asdict
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from envc.cli.page import page_template
from envc.formats.page import page_with
from envc.model.digest import Digest
from envc.reports.status import NodeStatus, StatusReport
from support.browser import cut_on_a_phone, needs_browser, unreadable
from support.sites import envc

OLD, NEW = (Digest("sha256:" + digit * 64) for digit in "12")
NODES = 1_000


def status(number: int) -> NodeStatus:
    """Every fiftieth is behind, and one of each other kind."""
    if number == 7:
        return NodeStatus(condition="failed", reason="no answer came back: <No route> to host")
    if number == 8:
        return NodeStatus(condition="absent", reason="no envc is there: nothing was rolled out")
    if number == 9:
        return NodeStatus(condition="pending", reason="it is busy")
    behind, drift = number % 50 == 0, 3 if number == 11 else 0
    closure = OLD if behind else NEW
    return NodeStatus(
        condition="behind" if behind else "drifted" if drift else "converged",
        generation=1 if behind else 2,
        digest=closure,
        closures={"system": NEW, "user": closure},
        drift=drift,
        in_use=(1, 2) if number % 25 == 0 else (2,),
        free_bytes=41_200_000_000,
        free_files=3_141_592,
        machine="linux-x86_64 glibc-2.36 python 3.11.7",
        envc="0.1.0",
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    report = StatusReport(
        ok=False,
        engine="clustershell",
        target="/usr/local/Canopy",
        wanted={"system": NEW, "user": NEW},
        sets={},
        nodes={f"n{number}": status(number) for number in range(1, NODES + 1)},
    )
    path = tmp_path_factory.mktemp("page") / "status.html"
    path.write_text(page_with(page_template("status"), asdict(report)))
    return Path(path).as_uri()


def text(browser: webdriver.Chrome, name: str) -> str:
    return str(browser.find_element(By.ID, name).text)


def choose(browser: webdriver.Chrome, name: str, value: str) -> None:
    browser.execute_script(
        "const s = document.getElementById(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('input'))",
        name,
        value,
    )


def cells(browser: webdriver.Chrome, node: str) -> list[str]:
    line = browser.find_element(By.CSS_SELECTOR, f"tr[data-node={node}]")
    return [cell.text for cell in line.find_elements(By.CSS_SELECTOR, "th, td")]


@needs_browser
@pytest.mark.slow
def test_it_is_a_matrix_that_needs_nothing_else(browser: webdriver.Chrome) -> None:
    assert text(browser, "title") == "envc status: /usr/local/Canopy"
    assert text(browser, "sum") == (
        "1000 nodes, 976 converged, 20 behind, 1 drifted, 1 absent, 1 failed, 1 pending"
    )
    new = "2" * 12
    room = ["41.2 GB", "3,141,592", "0.1.0"]
    assert cells(browser, "n1") == ["n1", "✔ converged", "2", new, "0", "2", *room]
    assert cells(browser, "n11") == ["n11", "✖ drifted", "2", new, "3", "2", *room]
    assert cells(browser, "n7") == ["n7", "✖ failed", "-", "-", "?", "-", "-", "-", "-"]
    loaded = "return performance.getEntriesByType('resource').length"
    assert browser.execute_script(loaded) == 0
    assert browser.get_log("browser") == []


@needs_browser
@pytest.mark.slow
def test_it_filters_and_searches(browser: webdriver.Chrome) -> None:
    choose(browser, "condition", "behind")
    assert text(browser, "sum") == "20 of 1000 nodes, 20 behind"
    choose(browser, "digest", NEW)
    assert text(browser, "none") == "Nothing is like that."
    choose(browser, "condition", "")
    assert text(browser, "sum").startswith("977 of 1000 nodes, ")
    choose(browser, "digest", "")
    browser.find_element(By.ID, "search").send_keys("no route")
    assert text(browser, "sum") == "1 of 1000 nodes, 1 failed"


@needs_browser
@pytest.mark.slow
def test_it_is_used_by_keyboard_alone(browser: webdriver.Chrome) -> None:
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    browser.switch_to.active_element.send_keys("behind", Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    detail = browser.find_element(By.ID, "detail")
    assert browser.switch_to.active_element == detail
    assert detail.text.splitlines() == [
        "n100",
        "/usr/local/Canopy, linux-x86_64 glibc-2.36 python 3.11.7",
        "▲ behind",
        f"generation 1: {OLD}",
        f"system: {NEW}",
        f"user: {OLD}; wanted: {NEW}",
        "free: 41.2 GB, 3,141,592 inodes; envc 0.1.0",
        "running processes hold generation 1, 2",
    ]
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not detail.is_displayed()
    assert browser.switch_to.active_element.tag_name == "tr"


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(
    browser: webdriver.Chrome, page: str, *, dark: bool
) -> None:
    selectors = ("tbody th", ".error", ".good", ".warning", ".note", ".soft")
    assert unreadable(browser, page, *selectors, dark=dark) == []


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    words = ("status", "--nodes", "n1", "--engine", "local", "--target", tmp_path / "none")
    answer = envc(*words, "--format", "html")
    assert answer.status == 1
    assert answer.stdout.startswith("<!doctype html>")
    assert '"n1":{"condition":"absent"' in answer.stdout
    assert answer.stdout.count(f'"target":"{tmp_path}/none"') == 1
    assert envc(*words, "--format", "json").json["sets"] == {"absent": "n1"}


@needs_browser
@pytest.mark.slow
def test_nothing_is_cut_on_a_phone_and_what_needs_somebody_comes_first(
    browser: webdriver.Chrome,
) -> None:
    assert cut_on_a_phone(browser) == []
    rows = browser.find_elements(By.CSS_SELECTOR, "#rows tr td:nth-child(2)")[:3]
    assert all("present" not in row.text and "converged" not in row.text for row in rows)
