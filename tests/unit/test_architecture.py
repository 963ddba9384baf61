"""The house as `docs/architecture.md` tells it: every room is named, every path is there."""

import re
from glob import glob
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "compiler/envc"
PAGE = (ROOT / "docs/architecture.md").read_text()
# What stands in a tree, not in the repository.
IN_TREES = {"bin/", "share/"}
LARGEST_SHARE = 0.15


def rooms():
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_every_room_has_its_line():
    named = set(re.findall(r"`([a-z]+)/`", PAGE))
    assert [room for room in rooms() if room not in named] == []


def test_every_path_is_there():
    paths = set(re.findall(r"`([a-z_/{},*]+(?:\.py|\.js|\.html|/))`", PAGE)) - IN_TREES
    spelled = {
        path.replace(braces, name)
        for path in paths
        for braces in (re.findall(r"\{[^}]*\}", path) or [""])
        for name in braces.strip("{}").split(",")
    }
    places = (ROOT, PACKAGE, ROOT / "tests/layering")
    absent = [path for path in spelled if not any(glob(f"{place}/{path}") for place in places)]
    assert absent == []


def test_no_room_holds_more_than_its_share():
    lines = {
        room: sum(len(path.read_text().splitlines()) for path in (PACKAGE / room).rglob("*.py"))
        for room in rooms()
    }
    largest = max(lines, key=lines.__getitem__)
    assert lines[largest] <= LARGEST_SHARE * sum(lines.values()), largest
