"""The pages of help, whole: a change of an option or of a word shows as what people will read."""

from importlib import import_module
from pathlib import Path

import pytest

from envc.cli.commands import COMMANDS
from support.golden import compare
from support.sites import envc

FOLDER = Path(__file__).parent / "help"
VERBS = {name: getattr(import_module(f"envc.cli.{name}"), "VERBS", ()) for name in COMMANDS}
PAGES = ["", *COMMANDS, *(f"{name} {verb}" for name in COMMANDS for verb in VERBS[name])]


def file_of(page: str) -> Path:
    return FOLDER / f"{page.replace(' ', '-') or 'envc'}.txt"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_recorded(page, update_golden, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    answer = envc("help", *page.split())
    assert (answer.status, answer.stderr) == (0, "")
    compare(file_of(page), answer.stdout, update=update_golden)


def test_no_page_is_left_of_what_is_gone():
    assert {path.name for path in FOLDER.iterdir()} == {file_of(page).name for page in PAGES}
