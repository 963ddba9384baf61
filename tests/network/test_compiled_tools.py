"""Tools that mypyc has compiled, whose libraries are called by a digest: `make test-network`."""

import subprocess
from pathlib import Path

import pytest

from envc.index import default_index
from support.sites import PYTHON, envc_process

CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""
SPEC = f"""\
version = 1
[site]
name = "tools"
[core]
python = "{PYTHON}"
[layer.system]
requires = ["six"]
[layer.user]
base = "system"
requires = ["black", "mypy"]
"""

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_they_run_in_every_layer(tmp_path: Path) -> None:
    (tmp_path / "envc.toml").write_text(SPEC)
    overlay = ("--dir", "alice", "--target", "target")
    for words in (
        ("lock",),
        ("materialize", "--target", "target"),
        ("overlay", "init", *overlay),
        ("overlay", "add", "isort", *overlay),
    ):
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        answer = envc_process(*words, cwd=tmp_path, environment=surroundings)
        assert answer.status == 0, answer.stderr
    (tmp_path / "m.py").write_text("import sys, os\n")
    ran = (
        ("target/user/bin/black", "m.py"),
        ("target/user/bin/mypy", "m.py"),
        ("alice/bin/isort", "m.py"),
        ("alice/bin/python", "-m", "black", "m.py"),
        ("alice/bin/python", "-m", "mypy", "m.py"),
    )
    for program, *words in ran:
        done = subprocess.run(
            [tmp_path / program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.py").read_text() == "import os\nimport sys\n"
