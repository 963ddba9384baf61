"""What real tools write of a real project comes in, and the first lock has their pins.

Each tool is had from the index, in a virtual environment of its own; uv comes with the tests.
"""

import sys
import tomllib
from pathlib import Path

import pytest

from support.real_sites import UV, envc, run

pytestmark = [pytest.mark.network, pytest.mark.slow]

PROJECT = """\
[project]
name = "demo"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["rich<14", "httpx[http2]", "colorama; sys_platform == 'win32'", "markupsafe<3.1"]
[project.optional-dependencies]
tables = ["tabulate"]
[dependency-groups]
dev = ["iniconfig"]
[tool.poetry]
package-mode = false
"""
# pdm 2.29 says hishel>=1.4 and imports a name that hishel 2 has no more.
TOOLS = {
    "poetry.lock": ["poetry>=2"],
    "pdm.lock": ["pdm>=2.25", "hishel<2"],
    "requirements.txt": ["pip-tools>=7.4"],
}
LOCKS = {
    "uv.lock": [UV, "lock"],
    "poetry.lock": ["tool/bin/poetry", "lock"],
    "pdm.lock": ["tool/bin/pdm", "lock", "-G", ":all"],
    "exported.txt": [UV, "export", "--no-emit-project", "-o", "exported.txt"],
    "requirements.txt": [
        *("tool/bin/pip-compile", "--quiet", "--generate-hashes", "--strip-extras"),
        *("--no-emit-options", "--allow-unsafe", "pyproject.toml", "-o", "requirements.txt"),
    ],
}


def pinned(path: Path, key: str, name: str) -> dict[str, str]:
    return {each[name]: each["version"] for each in tomllib.loads(path.read_text())[key]}


def came_and_locked(folder: Path, source: str, *words: str) -> tuple[dict[str, str], ...]:
    """The pins that came, and those of the first lock."""
    answer = envc(folder, "init", "site", "--from", source, *words, "--json")
    assert answer.status == 0, answer.stderr
    came = pinned(folder / "site/pins.user.toml", "pin", "project")
    answer = envc(folder / "site", "lock", "--json")
    assert answer.status == 0, answer.stderr
    assert answer.json["layers"]["user"]["moves"] == []
    return came, pinned(folder / "site/pylock.user.toml", "packages", "name")


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_what_a_tool_locks_comes_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    if name in TOOLS:
        run(tmp_path, UV, "venv", "tool", "--python", sys.executable)
        run(tmp_path, UV, "pip", "install", "--python", "tool", *TOOLS[name])
    run(tmp_path, *LOCKS[name])
    words = () if name.endswith(".txt") else ("--extra", "tables", "--group", "dev")
    came, locked = came_and_locked(tmp_path, name, *words)
    assert {"rich", "h2", "markupsafe"} <= locked.keys()
    assert locked == {project: came[project] for project in locked}
    assert came.keys() - locked.keys() <= {"colorama", "iniconfig"}
    text = (tmp_path / "site/pylock.user.toml").read_text()
    assert text.count("sha256") >= len(locked)


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_an_environment_comes_in(installer: str, tmp_path: Path) -> None:
    asked = ["rich<14", "httpx[http2]", "markupsafe<3.1"]
    if installer == "uv":
        run(tmp_path, UV, "venv", "env", "--python", sys.executable)
        run(tmp_path, UV, "pip", "install", "--python", "env", *asked)
    else:
        run(tmp_path, sys.executable, "-m", "venv", "env")
        run(tmp_path, "env/bin/python", "-m", "pip", "install", "--quiet", *asked)
    frozen = run(tmp_path, UV, "pip", "freeze", "--python", "env").split()
    (tmp_path / "env/bin/python").unlink()  # nothing of it is run
    _, locked = came_and_locked(tmp_path, "env")
    there = {line for line in frozen if not line.startswith(("pip==", "setuptools=="))}
    assert {f"{project}=={version}" for project, version in locked.items()} == there
