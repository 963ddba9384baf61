"""The interpreters that the runtime is tested with, and a disk to build trees on."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from types import ModuleType

import pytest
from stack_trees import RUNTIME_FOLDER, Disk, Interpreter

from envc.model.python import running_python

PROBE = (
    "import sys; word = '{}.{}'.format(*sys.version_info) + 't' * ('t' in sys.abiflags);"
    " print(sys._base_executable, word)"
)


def candidates(version: str) -> Iterator[str]:
    """Executables that are there and may be a CPython of that X.Y."""
    if version == running_python():
        yield sys._base_executable
    if found := shutil.which(f"python{version}"):
        yield found
    root = os.environ.get("PYENV_ROOT") or f"{Path.home()}/.pyenv"
    yield from sorted(glob(f"{root}/versions/{version}*/bin/python{version}"))


VERSIONS = ("3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t")


@pytest.fixture(scope="session", params=[v for v in VERSIONS if any(candidates(v))])
def interpreter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Interpreter:
    version = request.param
    for candidate in candidates(version):
        command = [candidate, "-c", PROBE]
        probe = subprocess.run(command, capture_output=True, text=True, check=False)
        if probe.returncode == 0 and probe.stdout.split()[1] == version:
            folder = tmp_path_factory.mktemp(f"runtime-{version}")
            executable = probe.stdout.split()[0]
            for source in RUNTIME_FOLDER.glob("_envc_*.py"):
                shutil.copy(source, folder)
            mode = ["--invalidation-mode", "unchecked-hash"]
            subprocess.run([executable, "-m", "compileall", "-q", *mode, folder], check=True)
            return Interpreter(executable, version, folder / "__pycache__")
    pytest.skip(f"no CPython {version} on PATH or among pyenv's versions")


@pytest.fixture(scope="module")
def finders() -> Iterator[ModuleType]:
    """The module that serves a stack, imported here."""
    sys.path.insert(0, str(RUNTIME_FOLDER))
    try:
        yield importlib.import_module("_envc_finders")
    finally:
        sys.path.remove(str(RUNTIME_FOLDER))
        for name in ("_envc_finders", "_envc_stack", "_envc_start"):
            sys.modules.pop(name, None)


@pytest.fixture
def disk(tmp_path: Path, interpreter: Interpreter) -> Disk:
    return Disk(tmp_path.resolve(), interpreter)
