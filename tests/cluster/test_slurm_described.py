"""Real slurmd: jobs in an overlay on what a module's PYTHONPATH brings, which they see alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.daemons import needs
from cluster.slurm_nodes import SlurmNodes, slurm_nodes
from support.index_server import IndexServer
from support.prefixes import install, toy
from support.sites import SITE_PACKAGES, envc
from support.wheels import build_all

pytestmark = pytest.mark.slow

SEEN = """\
import importlib.metadata as metadata, os, subprocess, sys
import fastnum, tool, user
told = f"{fastnum.__version__} {tool.__version__} {user.__version__} {metadata.version('tool')}"
child = subprocess.run([sys.executable, "-c", "import tool; print(tool.__version__)"],
    capture_output=True, text=True, check=True)
print(told, child.stdout.strip())
"""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmNodes]:
    needs("slurmd", "slurmctld", "srun", "munged", "nsenter", "unshare", "ip")
    with slurm_nodes(tmp_path_factory.mktemp("slurm"), 2) as nodes:
        yield nodes


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    build_all((toy("tool", "2.0"),), wheels)
    with IndexServer(wheels) as server:
        yield server.url


def test_jobs_see_what_an_overlay_puts_over_a_module(
    nodes: SlurmNodes, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three commands after `module load`: init, add, and a job's."""
    numeric, tools = (tmp_path / name / SITE_PACKAGES for name in ("numeric", "tools"))
    install(numeric, toy("fastnum", "1.26.4", compiled=True))
    install(tools, toy("tool", "1.0"))
    install(tools, toy("user", "1.0", "tool>=1"))
    module = {"PYTHONPATH": f"{numeric}:{tools}", "LOADEDMODULES": "Numeric/1:Tools/1"}
    for name, text in {**module, "ENVC_INDEX_URL": index}.items():
        monkeypatch.setenv(name, text)
    ov = tmp_path / "ov"
    assert envc("overlay", "init", ov, "--on", "python3").status == 0
    assert envc("overlay", "add", "tool>=2", "--dir", ov).status == 0
    for environment in (module, {"PYTHONPATH": "", "LOADEDMODULES": ""}):
        words = ("srun", "-N", 2, ov / "bin/python", "-c", SEEN)
        done = nodes.run(*words, environment=environment)
        assert done.stdout == "1.26.4 2.0 1.0 2.0 2.0\n" * 2, done.stderr
    install(tools, toy("late", "1.0"))
    done = nodes.run("srun", "-N", 2, ov / "bin/python", "-c", SEEN, environment=module)
    assert done.returncode
    assert done.stderr.count("new: late-1.0.dist-info") == 2, done.stderr
