"""Kernels: what a notebook runs in is the interpreter that its kernelspec leads to.

With the real ipykernel and jupyter_client, so it needs an index: `make test-network`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from plain import environment

from envc.index import default_index
from support.sites import PYTHON, SITE_PACKAGES, envc_process

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""
CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"

pytestmark = [pytest.mark.network, pytest.mark.slow]

SPEC = f"""\
version = 1
[site]
name = "notebooks"
[core]
python = "{PYTHON}"
[layer.user]
requires = ["ipykernel", "jupyter-client", "six"]
"""
ABOVE = "more-itertools"
# Starts a kernel by its name, runs its first argument there, and prints what that prints.
CLIENT = """\
import sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="python3")
def show(message):
    if message["msg_type"] == "stream":
        print(message["content"]["text"], end="")
    elif message["msg_type"] == "error":
        print(message["content"]["ename"])
client.execute_interactive(sys.argv[1], output_hook=show, timeout=60)
client.stop_channels()
manager.shutdown_kernel()
assert not manager.has_kernel
"""
COMMAND = """\
from jupyter_client.manager import KernelManager
print(KernelManager(kernel_name="python3").format_kernel_cmd()[0])
"""
IN_THE_KERNEL = "import sys, six; print(sys.prefix); import more_itertools; print('seen')"


@dataclass(frozen=True)
class Layers:
    """The folders of a base and of what stands on it."""

    base: Path
    top: Path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layers]:
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "envc.toml").write_text(SPEC)
    alice, target = folder / "alice", folder / "target"
    words = ("--dir", alice, "--target", target)
    for command in (
        ("lock",),
        ("materialize", "--target", target),
        ("overlay", "init", *words),
        ("overlay", "add", ABOVE, *words),
    ):
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
        answer = envc_process(*command, cwd=folder, environment=surroundings)
        assert answer.status == 0, answer.stderr
    yield Layers(target / "user", alice)
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, stack: Layers) -> Layers:
    """The same projects in a base and in an environment that stands on it by a `.pth`."""
    folder = tmp_path_factory.mktemp("plain")
    base = environment(folder / "base")
    top = environment(folder / "top", on=base)
    for place, projects in ((base, ("ipykernel", "jupyter-client", "six")), (top, (ABOVE,))):
        words = ("--quiet", "--default-index", INDEX, "--python", place / "bin/python")
        output(UV, "pip", "install", *words, *projects)
    return Layers(base, top)


def output(*command: object) -> str:
    """What a command prints, in surroundings that hold no kernelspecs of the person."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "JUPYTER_NO_CONFIG": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def kernelspec(jupyter: Path) -> dict[str, str]:
    specs = json.loads(output(jupyter, "list", "--json"))["kernelspecs"]
    found: dict[str, str] = specs["python3"]
    return found


def test_a_kernel_of_the_base_runs_the_overlay(plain: Layers, stack: Layers) -> None:
    # Plain: the one command that lists kernels is the base's, and so is the kernel that it starts.
    assert not (plain.top / "bin/jupyter-kernelspec").exists()
    shown = kernelspec(plain.base / "bin/jupyter-kernelspec")
    assert shown["resource_dir"].startswith(f"{plain.base}/")
    assert output(plain.base / "bin/python", "-c", COMMAND) == f"{plain.base}/bin/python"
    ran = output(plain.base / "bin/python", "-c", CLIENT, IN_THE_KERNEL)
    assert ran.split() == [str(plain.base), "ModuleNotFoundError"]

    tree = (stack.top / "current").resolve()
    shown = kernelspec(stack.top / "bin/jupyter-kernelspec")
    assert shown["resource_dir"] == f"{tree}/share/jupyter/kernels/python3"
    assert output(stack.top / "bin/python", "-c", COMMAND) == f"{tree}/bin/python"
    ran = output(stack.top / "bin/python", "-c", CLIENT, IN_THE_KERNEL)
    assert ran.split() == [str(tree), "seen"]
    code = "import ipykernel; print(ipykernel.__file__)"
    origin = output(stack.top / "bin/python", "-c", CLIENT, code)
    assert origin.startswith(f"{stack.base.resolve()}/{SITE_PACKAGES}/ipykernel/")
