"""Test suites that others wrote, run in an overlay and in a flat environment of the same releases.

The overlay has networkx and its own numpy in the place of the base's; scipy, attrs, pytest and what
they require come from the base. Every test must end as it does in the flat environment.
"""

import json
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pypi_simple import PyPISimple

from envc.disk.untar import untar
from envc.index import default_index
from support.sites import PYTHON, envc_process

CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

SITE = f"""\
version = 1
[site]
name = "suites"
[core]
python = "{PYTHON}"
[layer.user]
requires = ["numpy<2.3", "scipy", "attrs", "pytest", "hypothesis"]
"""
OWN = ("numpy>=2.3", "networkx", "cloudpickle")
RELEASES = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name: [d.version, str(d.locate_file(""))] for d in distributions()}))
"""


@dataclass(frozen=True)
class Pair:
    """The overlay and the flat environment; `releases` are those of both, with their folder."""

    folder: Path
    overlay: Path
    flat: Path
    releases: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("suites")
    (folder / "envc.toml").write_text(SITE)
    alice, flat = folder / "alice", folder / "flat"
    words = ("--dir", alice, "--target", "target")
    for command in (
        ("lock",),
        ("materialize", "--target", "target"),
        ("overlay", "init", *words),
        ("overlay", "add", *OWN, *words),
    ):
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        answer = envc_process(*command, cwd=folder, environment=surroundings)
        assert answer.status == 0, answer.stderr
    found = json.loads(output(alice / "bin/python", "-c", RELEASES))
    releases = {name: (version, where) for name, (version, where) in found.items()}
    output(os.path.realpath(alice / "bin/python"), "-m", "venv", "--without-pip", flat)
    pins = [f"{name}=={version}" for name, (version, _) in releases.items()]
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", flat)
    output(*pip, "install", "--no-deps", "--only-binary", ":all:", *pins)
    yield Pair(folder, alice, flat, releases)
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    subprocess.run(["rm", "-rf", folder], check=True)


def output(*command: object) -> str:
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcomes(pair: Pair, *words: str, cwd: Path | None = None) -> dict[str, str]:
    """Test → how it ended, the same in both environments; these run side by side."""
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *words)
    reports = {tree: pair.folder / f"{tree.name}.xml" for tree in (pair.overlay, pair.flat)}
    runs = [
        subprocess.Popen(
            [tree / "bin/python", *command, f"--junitxml={report}"],
            cwd=cwd or pair.folder,
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for tree, report in reports.items()
    ]
    told = [run.communicate()[0][-2000:] for run in runs]
    assert {run.returncode for run in runs} <= {0, 1}, told  # 1: some test failed, in both
    in_overlay, in_flat = map(ended, reports.values())
    assert in_overlay == in_flat, told
    return in_overlay


def ended(report: Path) -> dict[str, str]:
    """Test → passed, skipped, failure or error, from a JUnit report."""
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in {"skipped", "failure", "error"}]
        where = str(case.get("classname")).rpartition("site-packages.")[2]
        found[f"{where}::{case.get('name')}"] = (*kinds, "passed")[0]
    return found


def counted(found: dict[str, str]) -> Counter[str]:
    return Counter(found.values())


def test_the_projects_come_from_both_layers(pair: Pair) -> None:
    above = str((pair.overlay / "current").resolve())
    own = {name for name, (_, where) in pair.releases.items() if where.startswith(above)}
    assert own == {"numpy", "networkx", "cloudpickle"}
    assert {"scipy", "attrs", "pytest", "hypothesis"} <= pair.releases.keys() - own


def test_networkx(pair: Pair) -> None:
    """Of its own tests, those that use numpy and scipy, and those of its graphs."""
    parts = ("linalg", "classes", "algorithms.link_analysis", "algorithms.components", "utils")
    found = outcomes(pair, "--pyargs", *(f"networkx.{part}" for part in parts))
    assert counted(found)["passed"] > 500
    assert counted(found)["failure"] + counted(found)["error"] == 0


def test_numpy_and_scipy(pair: Pair) -> None:
    """Compiled parts: numpy's own from the overlay, scipy's from the base on that numpy."""
    parts = ("numpy.linalg", "numpy.lib.tests.test_function_base", "scipy.linalg.tests.test_basic")
    found = outcomes(pair, "-m", "not slow", "--pyargs", *parts)
    assert counted(found)["passed"] > 1000
    assert counted(found)["failure"] + counted(found)["error"] == 0


def test_attrs(pair: Pair) -> None:
    version, _ = pair.releases["attrs"]
    with PyPISimple(INDEX) as client:
        page = client.get_project_page("attrs")
        (sdist,) = (
            file
            for file in page.packages
            if (file.package_type, file.version) == ("sdist", version)
        )
        client.download_package(sdist, pair.folder / sdist.filename)
    with tarfile.open(pair.folder / sdist.filename) as archive:
        untar(archive, str(pair.folder), 1 << 30)
    found = outcomes(pair, "tests", cwd=pair.folder / f"attrs-{version}")
    assert counted(found)["passed"] > 1000
