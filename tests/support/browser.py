"""A real browser without a screen, and what is asked of every page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

needs_browser = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no chromium here: make tools")
DARK = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


def cut_on_a_phone(browser: webdriver.Chrome) -> list[str]:
    """What of the page is wider than a phone; the screen is a large one again afterwards."""
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        found: list[str] = browser.execute_script(
            "return [...document.querySelectorAll('body *')]"
            ".filter(e => e.offsetParent && (e.scrollWidth > e.clientWidth + 1 && e.clientWidth"
            " || e.getBoundingClientRect().right > innerWidth + 1))"
            ".map(e => e.tagName + '#' + e.id + '.' + e.className)"
        )
        return found
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def luminance(colour: str) -> float:
    """The relative luminance of an `rgb(…)` or `rgba(…)` text. Source: WCAG 2.2"""
    numbers = colour[colour.index("(") + 1 : -1].split(",")[:3]
    parts = [float(number) / 255 for number in numbers]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def unreadable(browser: webdriver.Chrome, page: str, *selectors: str, dark: bool) -> list[str]:
    """Those of the selectors whose text stands out too little from the ground, in this theme."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", DARK if dark else {"features": []})
    browser.get(page)
    ground = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert (luminance(ground) < 0.1) == dark
    found = []
    for selector in selectors:
        colour = browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property("color")
        lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
        if (lighter + 0.05) / (darker + 0.05) < 4.5:
            found.append(selector)
    return found
