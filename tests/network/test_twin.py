"""A stack of 270 real projects beside a flat environment of the same wheels, made by pip.

    make trial-twin                                 on every CPython from 3.11 on that is here
    make test-python-3.15 ON_OTHERS=trial-twin      in the root in which the quick tests run on it

The site `fixtures/sites/twin`: two common layers, a group's overlay on them, and on that one of a
member: shadows, a lift, something hidden, namespaces in four layers, an editable project.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import pytest

from envc.index import default_index
from support.projects import write_project
from support.sites import envc_process
from support.twin import START_UP, Allowed, differences, seen_by, unexpected
from support.wheels import Recipe

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

WALKED = ("google", "jaraco", "networkx", "sphinx", "sphinxcontrib", "zope")
PROBE = "import sys; print(sys._base_executable, *sys.version_info[:3], sep='\\n')"

INSTALLER = Allowed("distributions/*/INSTALLER*", "which installer it was: pip, envc")
ALLOWED = (
    *START_UP,
    INSTALLER,
    Allowed("distributions/*/REQUESTED*", "pip notes what was named to it; a lock names all"),
    Allowed("distributions/*/files/../../../bin/*", "scripts find the python beside themselves"),
    Allowed("distributions/project/files/*", "pip builds the project itself, at another path"),
    Allowed("pkg_resources/*/metadata: INSTALLER *", "as above"),
    Allowed("pkg_resources/*/metadata: REQUESTED *", "as above"),
    Allowed(
        "path/names: a1_coverage.pth in the flat one alone",
        "start-up files of a base run once, from its own folder, also where a part of it is hidden",
    ),
)
OF_PIP = (
    Allowed("*/installer: *", "which installer it was"),
    Allowed("*/requested: *", "pip notes what was named to it; a lock names all"),
)


def interpreters() -> dict[str, str]:
    """Version → executable of each CPython from 3.11 on: this one, Debian's, pyenv's."""
    root = os.environ.get("PYENV_ROOT") or f"{Path.home()}/.pyenv"
    found: dict[str, str] = {}
    for path in (
        sys.executable,
        "/usr/bin/python3",
        *sorted(glob(f"{root}/versions/3.1?.*/bin/python")),
    ):
        if not os.access(path, os.X_OK):
            continue
        ran = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            executable, *version = ran.stdout.split()
            if int(version[1]) >= 11:
                found.setdefault(".".join(version), executable)
    return found


INTERPRETERS = interpreters()


@dataclass(frozen=True)
class Twins:
    """The folder of both; the member's overlay, the flat environment, the editable project."""

    folder: Path
    stack: Path
    flat: Path
    source: Path

    @property
    def both(self) -> tuple[Path, Path]:
        return self.stack, self.flat


def output(*command: object, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module", params=sorted(INTERPRETERS))
def twins(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("twin")
    interpreter = INTERPRETERS[request.param]
    text = (ROOT / "fixtures/sites/twin/envc.toml").read_text()
    core = f'python = "{request.param.rpartition(".")[0]}"\ninterpreter = "{interpreter}"'
    (folder / "envc.toml").write_text(text.replace('python = "3.11"', core))
    for name in ("group", "mine"):
        (folder / name).mkdir()
        shutil.copy(ROOT / f"fixtures/sites/twin/{name}.toml", folder / name / "overlay.toml")
    project = write_project(folder / "project", Recipe(name="project", version="0.1"), "x = 1\n")
    (project / "src/project/data.txt").write_text("data\n")

    def envc(*words: object) -> str:
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        answer = envc_process(*words, cwd=folder, environment=surroundings)
        assert answer.status == 0, answer.stderr
        return answer.stdout

    envc("lock")
    envc("materialize", "--target", "target")
    envc("overlay", "sync", "--dir", "group", "--target", "target")
    envc("overlay", "sync", "--dir", "mine", "--target", "target")
    pins = folder / "requirements.txt"
    words = ("--overlay", "mine", "--flat", "--format", "requirements", "--target", "target")
    pins.write_text(envc("export", *words))
    output(interpreter, "-m", "venv", "--without-pip", folder / "flat")
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", folder / "flat", "install")
    output(
        *pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "-r", pins
    )
    output(*pip, "--no-deps", "--no-build-isolation", "-e", project)
    yield Twins(folder, folder / "mine", folder / "flat", project / "src")
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture(scope="module")
def seen(twins: Twins) -> tuple[dict[str, Any], dict[str, Any]]:
    """What processes of both see."""
    stack, flat = (seen_by(tree / "bin/python", twins.source, walk=WALKED) for tree in twins.both)
    return stack, flat


def test_processes_see_the_same(seen: tuple[dict[str, Any], dict[str, Any]]) -> None:
    stack, flat = seen
    assert len(stack["distributions"]) > 250
    assert len(stack["modules"]) > 15_000
    assert "nltk" not in stack["modules"]
    assert {"google.cloud.storage", "google.auth", "project"} <= stack["modules"].keys()
    found = unexpected(differences(stack, flat), ALLOWED)
    assert found == [], "\n".join(found[:100])


def test_pip_tells_the_same(twins: Twins) -> None:
    stack, flat = (inspected(tree) for tree in twins.both)
    found = unexpected(differences(stack, flat), OF_PIP)
    assert found == [], "\n".join(found[:100])
    for words in (("freeze",), ("check",), ("list", "--format", "json"), ("show", "numpy")):
        first, second = (
            re.sub(r"(?m)^Location: .*|^Installer: .*", "", pip(tree, *words))
            for tree in twins.both
        )
        assert first == second


def pip(tree: Path, *words: str) -> str:
    return output(tree / "bin/python", "-m", "pip", "--disable-pip-version-check", *words)


def inspected(tree: Path) -> dict[str, Any]:
    """Project → what `pip inspect` says of it, but for where."""
    found: dict[str, Any] = json.loads(pip(tree, "inspect"))
    projects = {each["metadata"]["name"]: each for each in found["installed"]}
    assert len(projects) == len(found["installed"])
    for each in projects.values():
        del each["metadata_location"]
    return {"environment": found["environment"], **projects}


MYPY = """
import json, sys
from mypy.modulefinder import FindModuleCache, SearchPaths, get_search_dirs
from mypy.options import Options
path, site = get_search_dirs(sys.argv[1])
paths = SearchPaths((), (), tuple(path + site), ())
cache = FindModuleCache(paths, None, Options())
print(json.dumps({name: str(cache.find_module(name)) for name in sys.stdin.read().split()}))
"""


def test_mypy_finds_the_same(twins: Twins, seen: tuple[dict[str, Any], dict[str, Any]]) -> None:
    names = "\n".join(seen[0]["modules"])
    found = []
    for tree in twins.both:
        ran = subprocess.run(
            [sys.executable, "-c", MYPY, tree / "bin/python"],
            input=names,
            capture_output=True,
            text=True,
            check=True,
        )
        places = json.loads(ran.stdout)
        cut = re.compile(r".*/lib/python3\.\d+/(site-packages|bases/[^/]+)/|.*/project/")
        found.append({name: cut.sub("", place) for name, place in places.items()})
    assert sum(place.endswith((".py", ".pyi")) for place in found[0].values()) > 5_000
    assert list(differences(*found)) == []


def test_pyright_finds_the_same(
    twins: Twins, seen: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    """The packages at the top, and portions of namespaces; basedpyright brings what it runs on."""
    output(sys.executable, "-m", "venv", tmp_path / "tools")
    output(
        tmp_path / "tools/bin/pip", "install", "--quiet", "--only-binary", ":all:", "basedpyright"
    )
    spaces = {"azure", "google", "jaraco", "opentelemetry", "ruamel", "sphinxcontrib", "zope"}
    names = [
        name
        for name in seen[0]["modules"]
        if all(part.isidentifier() for part in name.split("."))
        and ("." not in name or (name.split(".")[0] in spaces and name.count(".") < 3))
    ]
    (tmp_path / "m.py").write_text("".join(f"import {name}\n" for name in (*names, "nltk")))
    settings = {
        "include": ["m.py"],
        "typeCheckingMode": "off",
        "reportMissingImports": "error",
        "reportMissingModuleSource": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    missing = []
    for tree in twins.both:
        ran = subprocess.run(
            [
                tmp_path / "tools/bin/basedpyright",
                "--outputjson",
                "--pythonpath",
                tree / "bin/python",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        missing.append(sorted(d["message"] for d in json.loads(ran.stdout)["generalDiagnostics"]))
    assert missing[0] == missing[1]
    assert any("nltk" in message for message in missing[0])


BUILDS = {
    "numpy": """
        from setuptools import Extension, setup
        import numpy
        open("m.c", "w").write('''
        #include <Python.h>
        #include <numpy/arrayobject.h>
        static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "m", 0, -1, 0};
        PyMODINIT_FUNC PyInit_m(void) {
            import_array();
            PyObject *m = PyModule_Create(&d);
            PyModule_AddStringConstant(m, "seen", NPY_VERSION_TEXT);
            return m;
        }'''.replace("NPY_VERSION_TEXT", '"numpy"'))
        setup(name="m", ext_modules=[Extension("m", ["m.c"], include_dirs=[numpy.get_include()])])
    """,
    "cython": """
        from setuptools import Extension, setup
        from Cython.Build import cythonize
        import numpy
        open("m.pyx", "w").write("cimport numpy as np\\nnp.import_array()\\nseen = 'cython'\\n")
        built = Extension("m", ["m.pyx"], include_dirs=[numpy.get_include()])
        setup(name="m", ext_modules=cythonize([built]))
    """,
    "pybind11": """
        from setuptools import setup
        from pybind11.setup_helpers import Pybind11Extension
        open("m.cpp", "w").write('''
        #include <pybind11/numpy.h>
        PYBIND11_MODULE(m, m) { m.attr("seen") = "pybind11"; }
        ''')
        setup(name="m", ext_modules=[Pybind11Extension("m", ["m.cpp"])])
    """,
}


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
@pytest.mark.parametrize("kind", BUILDS)
def test_builds_find_headers(twins: Twins, tmp_path: Path, kind: str) -> None:
    commands = []
    for tree in twins.both:
        folder = tmp_path / tree.name
        folder.mkdir()
        (folder / "setup.py").write_text(textwrap.dedent(BUILDS[kind]))
        python = tree / "bin/python"
        told = output(python, "setup.py", "build_ext", "--inplace", cwd=folder)
        assert output(python, "-c", "import m; print(m.seen)", cwd=folder) == f"{kind}\n"
        includes = re.findall(r"-I\S*/site-packages/(\S+)", told)
        commands.append(sorted(set(includes)))
    assert commands[0] == commands[1] != []
