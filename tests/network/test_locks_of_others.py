"""Locks that uv, pip and pdm write of one project: each is installed by envc as by those; and back.

The project has extras, a group and a requirement for another system; what is locked is for several
platforms. pdm is had from the index, in a virtual environment of its own.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.real_sites import UV, envc, run
from support.sites import PYTHON, SITE_PACKAGES

pytestmark = [pytest.mark.network, pytest.mark.slow]

REQUIRES = ["rich", "httpx[http2]", "colorama; sys_platform == 'win32'", "markupsafe"]
PROJECT = f"""\
[project]
name = "demo"
version = "1.0"
requires-python = ">=3.11"
dependencies = {REQUIRES}
[project.optional-dependencies]
tables = ["tabulate"]
[dependency-groups]
dev = ["iniconfig"]
"""
SITE = """\
version = 1
[site]
name = "demo"
[core]
python = "{python}"
[layer.user]
requires = {requires}
"""
# pdm 2.29 says hishel>=1.4 and imports a name that hishel 2 has no more.
PDM = ["pdm>=2.25", "hishel<2"]


def uv_exports(folder: Path) -> None:
    run(folder, UV, "lock")
    chosen = ("--no-emit-project", "--all-extras", "--all-groups")
    run(folder, UV, "export", *chosen, "--format", "pylock.toml", "-o", "pylock.user.toml")


def uv_compiles(folder: Path) -> None:
    words = ("pip", "compile", "--universal", "--all-extras", "--format", "pylock.toml")
    run(folder, UV, *words, "pyproject.toml", "-o", "pylock.user.toml")


def pip_locks(folder: Path) -> None:
    run(folder, sys.executable, "-m", "pip", "lock", *REQUIRES, "-o", "pylock.user.toml")


def pdm_locks(folder: Path) -> None:
    run(folder, UV, "venv", "tool", "--python", sys.executable)
    run(folder, UV, "pip", "install", "--python", "tool", *PDM)
    run(folder, "tool/bin/pdm", "config", "--local", "lock.format", "pylock")
    run(folder, "tool/bin/pdm", "lock", "-G", ":all")
    (folder / "pylock.toml").rename(folder / "pylock.user.toml")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.dist-info")}


def synced(folder: Path) -> set[str]:
    """What `uv pip sync` installs of the lock of layer user."""
    run(folder, UV, "venv", "by-uv", "--python", sys.executable)
    run(folder, UV, "pip", "sync", "--preview", "--python", "by-uv", "pylock.user.toml")
    return names_in(folder / "by-uv" / SITE_PACKAGES)


def installed(folder: Path) -> set[str]:
    """What `pip install` installs of the lock of layer user; none of it was there before."""
    words = ("pip", "install", "--target", "by-pip", "-r", "pylock.user.toml")
    run(folder, sys.executable, "-m", *words)
    return names_in(folder / "by-pip")


@pytest.mark.parametrize("locks", [uv_exports, uv_compiles, pip_locks, pdm_locks])
def test_a_lock_of_another_tool_installs_as_with_those(
    tmp_path: Path, locks: Callable[[Path], None]
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    locks(tmp_path)
    (tmp_path / "envc.toml").write_text(SITE.format(python=PYTHON, requires=[]))
    answer = envc(tmp_path, "materialize", "--target", "target", "--json")
    assert answer.status == 0, answer.stderr
    found = names_in(tmp_path / "target/user" / SITE_PACKAGES)
    projects = {name.partition("-")[0] for name in found}
    assert {"rich", "h2", "markupsafe"} <= projects
    assert "colorama" not in projects
    assert ("iniconfig" in projects) == (locks is uv_exports)
    assert found == synced(tmp_path) == installed(tmp_path)


def test_a_lock_of_envc_installs_with_the_others(tmp_path: Path) -> None:
    (tmp_path / "envc.toml").write_text(SITE.format(python=PYTHON, requires=REQUIRES))
    for words in (("lock",), ("materialize", "--target", "target")):
        answer = envc(tmp_path, *words)
        assert answer.status == 0, answer.stderr
    found = names_in(tmp_path / "target/user" / SITE_PACKAGES)
    assert found == synced(tmp_path) == installed(tmp_path)
