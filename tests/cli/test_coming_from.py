"""The commands of `docs/coming-from.md` and `docs/from-canopy.md`, each run as it stands there.

Those in tables are held against what envc's command line can say.
"""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from envc.cli.grammar import read
from support import others
from support.index_server import IndexServer
from support.prefixes import install, prefix, toy
from support.sites import PYTHON

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("coming-from.md", "from-canopy.md")
CONDA = f"""\
dependencies:
  - python={PYTHON}
  - mpich
  - pip:
    - six==1.16.0
"""
THEME = """\
[project]
name = "plots"
version = "1.0"
dependencies = ["theme"]
"""


def commands(page: str) -> list[str]:
    return re.findall(r"^    (\S.*)$", (DOCS / page).read_text(), re.MULTILINE)


def spoken_of(page: str) -> list[str]:
    """The command lines of envc that stand in tables and text."""
    text = (DOCS / page).read_text()
    found = re.findall(r"`(envc [^`]+)`", " ".join(text.split()))
    return sorted({part.strip() for line in found for part in line.split("&&") if "envc" in part})


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in spoken_of(page)}))
def test_what_tables_name_can_be_said(line):
    words = shlex.split(line)[1:]
    module = import_module(f"envc.cli.{words[0]}")
    verbs = getattr(module, "VERBS", {})
    command = module.COMMAND if not verbs else verbs.get(words[1])
    if command is None:
        assert words[1:] == []
        return
    rest = words[2:] if verbs else words[1:]
    read(command, [word.replace("N", "2") if word == "N" else word for word in rest], page="envc")


@pytest.fixture
def world(tmp_path, recipes):
    """What people come with, in the folder `work`."""
    work = tmp_path / "work"
    work.mkdir()
    for folder in ("old-env", "old"):
        site = prefix(work / folder)
        for recipe in (
            toy("numpy", "1.26.0"),
            toy("pandas", "2.2.0", "numpy>=1.22", "six"),
            toy("six", "1.16.0"),
        ):
            install(site, recipe)
    freeze = "numpy==1.26.0\nsix==1.16.0\npandas==2.2.0\n"
    (site / "pip").mkdir()
    (site / "pip/__main__.py").write_text(f"print({freeze!r}, end='')\n")
    files = {
        "requirements.txt": others.compiled(recipes),
        "requirements.in": "numpy<2\npandas\n",
        "alice.txt": "theme==1.0\nsix==1.17.0\n",
        "environment.yml": CONDA,
        "poetry.lock": others.poetry_lock(recipes),
    }
    for name, text in files.items():
        (work / name).write_text(text)
    return work


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_does_what_the_page_says(page, world, tmp_path, recipes):
    with IndexServer(recipes) as server:
        (world / "uv.lock").write_text(others.uv_lock(recipes, server.url))
        environment = {
            **os.environ,
            "ENVC_INDEX_URL": server.url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        assert len(commands(page)) > 5
        for line in commands(page):
            text = others.PYPROJECT if "poetry" in line else THEME
            (world / "pyproject.toml").write_text(text)
            done = subprocess.run(
                ["/bin/sh", "-ec", line.replace("/usr/local/Canopy", f"{tmp_path}/Canopy")],
                cwd=world,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    for lock in world.glob("*/pylock.user.toml"):
        text = lock.read_text()
        assert 'version = "1.16.0"' in text, lock
        assert "conda" in str(lock) or 'version = "1.26.0"' in text, lock
