"""What `make docs` makes a site of."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from envc.cli.commands import GROUPS

PAGES = Path(__file__).parents[2] / "compiler" / "pages" / "pages.py"


def loaded():
    spec = importlib.util.spec_from_file_location("pages", PAGES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gathered(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "pages"
    loaded().gather(folder)
    return folder


def shown(entries) -> list[str]:
    found = []
    for entry in entries:
        below = (
            [each for part in entry.values() for each in part] if isinstance(entry, dict) else []
        )
        found += shown(below) or [entry]
    return found


def test_every_page_is_in_the_navigation_once(gathered):
    text = (gathered / "zensical.toml").read_text()
    pages = {file.relative_to(gathered / "docs").as_posix() for file in gathered.rglob("*.md")}
    assert sorted(shown(tomllib.loads(text)["project"]["nav"])) == sorted(pages)


def test_every_link_leads_to_a_file(gathered):
    for page in gathered.rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text()):
            assert re.match("[a-z]+:", target) or (page.parent / target).exists(), (page, target)


def test_every_command_has_a_page_with_its_options(gathered):
    for name in [name for group in GROUPS.values() for name in group]:
        assert (gathered / f"docs/commands/{name}.md").read_text().startswith(f"# `envc {name}`")
    assert (
        "<code>--link-mode MODE</code>" in (gathered / "docs/commands/materialize.md").read_text()
    )
    assert "## `envc overlay add`" in (gathered / "docs/commands/overlay.md").read_text()


def test_a_link_that_leads_nowhere_ends_it(tmp_path, monkeypatch):
    pages = loaded()
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    for name in pages._SINGLE:
        (tmp_path / name).write_text("")
    (tmp_path / "README.md").write_text("[here](docs/gone.md) and [there](https://there)")
    with pytest.raises(SystemExit, match=r"README.md: docs/gone.md"):
        pages.gather(tmp_path / "site")
