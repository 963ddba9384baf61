"""The commands of `docs/on-what-you-have.md`, each run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.index_server import IndexServer
from support.prefixes import install, prefix, toy
from support.wheels import build_all

PAGE = (Path(__file__).parents[2] / "docs/on-what-you-have.md").read_text()
WHEELS = (
    *(toy("idna", "3.6"), toy("humanize", "4.0"), toy("numpy", "2.0.0")),
    *(toy("scipy", "1.14.0", "numpy>=1.25"), toy("numpy", "1.26.4")),
)

pytestmark = pytest.mark.slow


def commands() -> list[str]:
    """The page's commands, in order; what a cluster's shell has, it need not have here."""
    found = re.findall(r"^    (\S.*)$", PAGE, re.MULTILINE)
    return [line for line in found if not line.startswith("module load")]


def test_every_command_does_what_the_page_says(tmp_path):
    site = prefix(tmp_path / "nv")
    for recipe in (
        toy("idna", "3.4"),
        toy("numpy", "1.26.4", compiled=True),
        toy("scipy", "1.11.0", "numpy<2", compiled=True),
    ):
        install(site, recipe)
    build_all(WHEELS, tmp_path / "wheels")
    (tmp_path / "work").mkdir()
    with IndexServer(tmp_path / "wheels") as server:
        environment = {
            **os.environ,
            "ENVC_INDEX_URL": server.url,
            "PATH": f"{Path(sys.executable).parent}:{tmp_path}/nv/bin:{os.environ['PATH']}",
        }
        assert len(commands()) > 15
        for line in commands():
            done = subprocess.run(
                ["/bin/sh", "-ec", line.replace("/opt/nv", f"{tmp_path}/nv")],
                cwd=tmp_path / "work",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            wanted = 3 if line.endswith("# refused") else 0
            assert done.returncode == wanted, f"{line}\n{done.stdout}{done.stderr}"
