"""An overlay on the sample site `sci`, with the real projects: `make test-network`."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envc.index import default_index
from support.sites import PYTHON, SITE_PACKAGES, Answer, envc_process

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow]

# A project of the overlay, its tests, and a plugin that only the overlay has (pytest-xdist).
PROJECT_TESTS = """\
import networkx, numpy, sys

def test_versions(worker_id):
    assert networkx.__version__ < "3.5"
    assert "target" in numpy.__file__
    assert worker_id.startswith("gw")

def test_rewritten():
    left = 1
    assert left == 2
"""


@dataclass(frozen=True)
class World:
    folder: Path
    alice: Path

    def envc(self, *words: object) -> Answer:
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        return envc_process(*words, cwd=self.folder, environment=surroundings)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sci")
    text = (ROOT / "fixtures/sites/sci/envc.toml").read_text()
    (folder / "envc.toml").write_text(text.replace('"3.11"', f'"{PYTHON}"'))
    made = World(folder, folder / "alice")
    added = ("polars", "networkx<3.5", "pytest-xdist", "importlib-metadata", "debugpy", "pip")
    words = ("--dir", made.alice, "--target", "target")
    for command in (
        ("lock",),
        ("materialize", "--target", "target"),
        ("overlay", "init", *words),
        ("overlay", "add", *added, *words),
    ):
        answer = made.envc(*command)
        assert answer.status == 0, answer.stderr
    yield made
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    subprocess.run(["rm", "-rf", folder], check=True)


def run(*command: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )


def output(*command: object, cwd: Path | None = None) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_imports_come_from_both_layers(world: World) -> None:
    code = (
        "import networkx, numpy, pandas, polars, scipy.linalg\n"
        "assert polars.from_pandas(pandas.DataFrame({'a': [1, 2]}))['a'].sum() == 3\n"
        "print(networkx.__version__ < '3.5', networkx.__file__, numpy.__file__)"
    )
    older, above, below = output(world.alice / "bin/python", "-c", code).split()
    assert older == "True"
    assert above.startswith(f"{world.alice}/generations/")
    assert below.startswith(f"{world.folder}/target/generations/000001/user/")


def test_pip_sees_one_consistent_environment(world: World) -> None:
    python = world.alice / "bin/python"
    assert output(python, "-m", "pip", "check") == "No broken requirements found."
    listed = json.loads(output(python, "-m", "pip", "list", "--format", "json"))
    versions = {entry["name"].lower(): entry["version"] for entry in listed}
    assert len(versions) == len(listed)
    assert versions["networkx"] < "3.5"
    assert {"numpy", "polars", "scipy"} <= versions.keys()


def test_both_libraries_of_metadata_agree(world: World) -> None:
    code = """
import importlib.metadata as standard
first = sorted((d.name, d.version) for d in standard.distributions())
groups = ("console_scripts", "pytest11", "nbconvert.exporters")
points = [sorted(p.name for p in standard.entry_points(group=g)) for g in groups]
import importlib_metadata as backport
assert sorted((d.name, d.version) for d in backport.distributions()) == first
assert [sorted(p.name for p in backport.entry_points(group=g)) for g in groups] == points
assert len(dict(first)) == len(first), first
print(len(first))
"""
    assert int(output(world.alice / "bin/python", "-c", code)) > 130


def test_jupyter_finds_templates_extensions_and_kernels_of_the_base(world: World) -> None:
    paths = json.loads(output(world.alice / "bin/jupyter", "--paths", "--json"))
    share = str((world.alice / "current").resolve() / "share/jupyter")
    assert share in paths["data"]
    code = (
        "from nbconvert import HTMLExporter\n"
        "import nbformat.v4 as v4\n"
        "notebook = v4.new_notebook(cells=[v4.new_code_cell('1')])\n"
        "body, _ = HTMLExporter().from_notebook_node(notebook)\n"
        "print(len(body) > 1000)\n"
    )
    assert output(world.alice / "bin/python", "-W", "ignore", "-c", code) == "True"
    kernels = json.loads(output(world.alice / "bin/jupyter", "kernelspec", "list", "--json"))
    kernel = kernels["kernelspecs"]["python3"]
    assert kernel["resource_dir"].startswith(share)
    assert (world.alice / "share/jupyter/lab/static").exists()
    done = run(world.alice / "bin/jupyter", "labextension", "list")
    assert "jupyterlab_pygments" in done.stdout + done.stderr


def test_a_kernel_of_the_base_runs_the_overlay(world: World, tmp_path: Path) -> None:
    notebook = tmp_path / "one.ipynb"
    code = "import networkx, polars, sys; print(sys.prefix)"
    write = (
        "import nbformat.v4 as v4, nbformat, sys\n"
        f"nbformat.write(v4.new_notebook(cells=[v4.new_code_cell({code!r})]), sys.argv[1])"
    )
    python = world.alice / "bin/python"
    output(python, "-W", "ignore", "-c", write, notebook)
    words = ("nbconvert", "--to", "notebook", "--execute", "--stdout", notebook)
    ran = json.loads(output(world.alice / "bin/jupyter", *words))
    (cell,) = ran["cells"]
    texts = ["".join(shown.get("text", "")) for shown in cell["outputs"]]
    assert f"{(world.alice / 'current').resolve()}\n" in texts


def test_the_inherited_pytest_has_the_overlays_plugin(world: World, tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(PROJECT_TESTS)
    done = run(world.alice / "bin/pytest", "-n", "2", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "assert 1 == 2" in done.stdout  # assertions are rewritten


def test_a_debugger_stops_in_inherited_code(world: World, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import networkx\nprint(networkx.path_graph(3).number_of_edges())\n")
    commands = "break 2\ncontinue\nstep\nwhere\ncontinue\n"
    done = subprocess.run(
        [world.alice / "bin/python", "-m", "pdb", program],
        input=commands,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{SITE_PACKAGES}/networkx/" in done.stdout
    code = "import debugpy; host, port = debugpy.listen(('127.0.0.1', 0)); print(port > 0)"
    assert output(world.alice / "bin/python", "-c", code) == "True"


def test_what_runs_keeps_importing_from_its_generation(world: World) -> None:
    code = "print('ready', flush=True); input(); import seaborn, sys; print(seaborn.__file__)"
    python = world.folder / "target/user/bin/python"
    with subprocess.Popen(
        [python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        spec = world.folder / "envc.toml"
        text = spec.read_text()
        spec.write_text(text.replace('    "seaborn",\n', '    "seaborn<0.13",\n'))
        for words in (("lock",), ("materialize", "--target", "target")):
            answer = world.envc(*words)
            assert answer.status == 0, answer.stderr
        old, _ = process.communicate("\n")
    new = output(python, "-c", "import seaborn; print(seaborn.__version__, seaborn.__file__)")
    assert old.startswith(f"{world.folder}/target/generations/000001/user/")
    assert new.startswith("0.12")
    assert f"{world.folder}/target/generations/000002/user/" in new
    above = output(world.alice / "bin/python", "-c", "import seaborn; print(seaborn.__file__)")
    assert above.startswith(f"{world.folder}/target/generations/000001/user/")
