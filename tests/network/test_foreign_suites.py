"""Test suites that others wrote, run in an overlay and in a flat environment of the same releases.

The projects under test, and what they require, are split over a base and an overlay that replaces
some of the base's releases (numpy, zipp, tornado, pygments). Every test must end as it does in the
flat environment. Wheels seldom hold a project's tests: they are taken from its source distribution,
without the project itself.
"""

import json
import os
import shutil
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
from support.sites import PYTHON, envc_process, python

CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

# setuptools 82 has no pkg_resources any more.
SITE = f"""\
version = 1
[site]
name = "suites"
[core]
python = "{PYTHON}"
[layer.user]
requires = [
    "numpy<2.3", "scipy", "attrs", "pytest", "hypothesis",
    "importlib-metadata", "pyfakefs", "setuptools<81", "jaraco-test", "jaraco-path",
    "jaraco-envs", "coverage", "flaky",
    "pytest-xdist", "jupyter-client", "pytest-jupyter", "pytest-timeout", "pytest-asyncio",
    "msgpack", "testpath", "cython", "dill", "psutil",
]
"""
OWN = ("numpy>=2.3", "networkx", "cloudpickle", "ipython", "ipykernel", "joblib")
SHADOWS = ("zipp<3.23", "tornado<6.5", "pygments<2.19")
RELEASES = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name.lower(): [d.version, str(d.locate_file(""))] for d in distributions()}))
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
        ("overlay", "add", *OWN, *SHADOWS, *words),
    ):
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        answer = envc_process(*command, cwd=folder, environment=surroundings)
        assert answer.status == 0, answer.stderr
    found = json.loads(python(alice, RELEASES))
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


def with_pytest(pair: Pair, name: str, *words: str, parts: tuple[str, ...] = ()) -> dict[str, str]:
    """How each test ends, the same in both; `parts` of the project's sources stand where they run.

    The options are ours, not those of a project's configuration. What fails in one of them runs
    there once more, and ends as it does then: some tests depend on the machine's mood.
    """
    command = ("-m", "pytest", "-q", "-o", "addopts=", "-o", "cache_dir=failed", *words)
    again = (*command, "--last-failed", "--junitxml=reports/again.xml")
    return outcomes(pair, name, (*command, "--junitxml=report.xml"), parts, again=again)


def outcomes(
    pair: Pair,
    name: str,
    command: tuple[str, ...],
    parts: tuple[str, ...],
    *,
    again: tuple[str, ...] = (),
) -> dict[str, str]:
    """Test → how it ended, the same in both environments.

    The runs are side by side, each with a folder, a home and a TMPDIR of its own.
    """
    trees = (pair.overlay, pair.flat)
    places = [pair.folder / "runs" / name / tree.name for tree in trees]
    for place in places:
        for folder in (place, place / "home", place / "tmp"):
            folder.mkdir(parents=True)
        for part in parts:
            copy(sources(pair, name) / part, place / part)
    both = dict(zip(trees, places, strict=True))
    failed, told = run_in(both, command)
    if again and failed:
        told += run_in(failed, again)[1]
    in_overlay, in_flat = map(ended, places)
    ends = {test: (in_overlay.get(test), in_flat.get(test)) for test in in_overlay | in_flat}
    assert not {test: pair for test, pair in ends.items() if len(set(pair)) > 1}, told
    return in_overlay


def run_in(
    places: dict[Path, Path], command: tuple[str, ...]
) -> tuple[dict[Path, Path], list[str]]:
    """The environments where a test failed, with their places; the end of what each run told."""
    runs = {
        tree: subprocess.Popen(
            [tree / "bin/python", *command],
            cwd=place,
            env={**os.environ, **surroundings(tree, place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for tree, place in places.items()
    }
    told = [run.communicate()[0][-4000:] for run in runs.values()]
    assert {run.returncode for run in runs.values()} <= {0, 1}, told  # 1: some test failed
    return {tree: places[tree] for tree, run in runs.items() if run.returncode}, told


def surroundings(tree: Path, place: Path) -> dict[str, str]:
    return {
        "PATH": f"{tree}/bin:{os.environ['PATH']}",
        "HOME": f"{place}/home",
        "TMPDIR": f"{place}/tmp",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
    }


def sources(pair: Pair, project: str) -> Path:
    """The unpacked source distribution of the release that both have."""
    version, _ = pair.releases[project]
    folder = pair.folder / "sources" / project
    if not folder.exists():
        folder.mkdir(parents=True)
        with PyPISimple(INDEX) as client:
            (found,) = (
                file
                for file in client.get_project_page(project).packages
                if (file.package_type, file.version) == ("sdist", version)
            )
            client.download_package(found, folder / found.filename)
        with tarfile.open(folder / found.filename) as archive:
            untar(archive, str(folder), 1 << 30)
        (folder / found.filename).unlink()
    (unpacked,) = folder.iterdir()
    return unpacked


def copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place, symlinks=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)


def ended(place: Path) -> dict[str, str]:
    """Test → passed, skipped, failure or error, from the JUnit reports of a run."""
    found: dict[str, str] = {}
    for report in sorted([*place.glob("report.xml"), *place.glob("reports/*.xml")]):
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
    assert {"numpy", "networkx", "cloudpickle", "ipython", "joblib", "zipp", "tornado"} <= own
    below = {"scipy", "attrs", "pytest", "importlib_metadata", "coverage", "jupyter_client"}
    assert below | {"cython", "dill", "setuptools"} <= pair.releases.keys() - own


def test_networkx(pair: Pair) -> None:
    """Of its own tests, those that use numpy and scipy, and those of its graphs."""
    parts = ("linalg", "classes", "algorithms.link_analysis", "algorithms.components", "utils")
    found = with_pytest(pair, "networkx", "--pyargs", *(f"networkx.{part}" for part in parts))
    assert counted(found)["passed"] > 500
    assert counted(found)["failure"] + counted(found)["error"] == 0


def test_numpy_and_scipy(pair: Pair) -> None:
    """Compiled parts: numpy's own from the overlay, scipy's from the base on that numpy."""
    parts = ("numpy.linalg", "numpy.lib.tests.test_function_base", "scipy.linalg.tests.test_basic")
    found = with_pytest(pair, "numpy", "-m", "not slow", "--pyargs", *parts)
    assert counted(found)["passed"] > 1000
    assert counted(found)["failure"] + counted(found)["error"] == 0


def test_attrs(pair: Pair) -> None:
    parts = ("tests", "pyproject.toml")
    found = with_pytest(pair, "attrs", "--hypothesis-profile=ci", "tests", parts=parts)
    assert counted(found)["passed"] > 1000


def test_importlib_metadata(pair: Pair) -> None:
    """From the base, on the overlay's zipp; the start-up hook serves its finder."""
    words = ("--import-mode=importlib", "tests")
    found = with_pytest(pair, "importlib_metadata", *words, parts=("tests", "pytest.ini"))
    assert counted(found)["passed"] > 100


def test_pkg_resources(pair: Pair) -> None:
    parts = ("pkg_resources/tests", "pytest.ini")
    # One of its tests lets pip fetch zope.interface.
    words = ("--import-mode=importlib", "-p", "no:asyncio", "-k", "not zope")
    words += ("pkg_resources/tests",)
    found = with_pytest(pair, "setuptools", *words, parts=parts)
    assert counted(found)["passed"] > 50


def test_coverage(pair: Pair) -> None:
    """What looks for files, measures children by a start-up file, and knows others' code."""
    chosen = ("api", "process", "plugins", "execfile", "files", "python", "oddball", "debug")
    words = ("-o", "python_classes=*Test", *(f"tests/test_{name}.py" for name in chosen))
    found = with_pytest(pair, "coverage", *words, parts=("tests",))
    assert counted(found)["passed"] > 300


def test_ipython(pair: Pair) -> None:
    found = with_pytest(pair, "ipython", "tests", parts=("tests", "pyproject.toml"))
    assert counted(found)["passed"] > 1000


def test_jupyter_client(pair: Pair) -> None:
    """Sessions, specs, clients, kernels that are started; of many at once, they wait for ever."""
    chosen = ("adapter", "client", "connect", "jsonutil", "kernelspec", "localinterfaces")
    chosen += ("manager", "public_api", "provisioning", "restarter", "session", "ssh")
    parts = ("tests", "pyproject.toml")
    words = ("-p", "no:asyncio", "--timeout", "120", *(f"tests/test_{name}.py" for name in chosen))
    found = with_pytest(pair, "jupyter_client", *words, parts=parts)
    assert counted(found)["passed"] > 100


def test_cython(pair: Pair) -> None:
    """Whole projects that it compiles and that `cimport` from each other."""
    words = ("--no-cpp", "--no-refnanny", "--no-unit", "--no-doctest", "--xml-output=reports")
    parts = ("runtests.py", "tests", "Tools")
    found = outcomes(pair, "cython", ("runtests.py", *words, "build.c"), parts)
    assert counted(found)["passed"] > 10


def test_joblib(pair: Pair) -> None:
    """From the overlay: its workers, its cache by files, its compressors."""
    chosen = ("memory", "parallel", "hashing", "func_inspect", "numpy_pickle", "disk", "logger")
    found = with_pytest(
        pair, "joblib", "--pyargs", *(f"joblib.test.test_{name}" for name in chosen)
    )
    assert counted(found)["passed"] > 500


def test_dill(pair: Pair) -> None:
    """cloudpickle's kind: its own source distribution has no tests. Some of dill's are scripts."""
    words = ("--continue-on-collection-errors", "--pyargs", "dill.tests")
    found = with_pytest(pair, "dill", *words)
    assert counted(found)["passed"] > 80
