"""The commands of `docs/on-what-you-have.md`, each run as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.images import root, tar_of
from support.index_server import IndexServer
from support.prefixes import install, prefix, toy, write
from support.sites import PYTHON
from support.wheels import Recipe, build_all

PAGE = (Path(__file__).parents[2] / "docs/on-what-you-have.md").read_text()
PLUGIN = "tensorboard-plugin-profile"


def plugin(version: str) -> Recipe:
    text = f"__version__ = {version!r}\n"
    files = {"tensorboard_plugin_profile/__init__.py": text}
    return Recipe(name=PLUGIN, version=version, files=files)


WHEELS = (
    *(toy("idna", "3.6"), toy("humanize", "4.0"), toy("numpy", "2.0.0")),
    *(toy("scipy", "1.14.0", "numpy>=1.25"), toy("numpy", "1.26.4"), plugin("2.13.1")),
)

pytestmark = pytest.mark.slow


def commands(heading: str) -> list[str]:
    """The commands of a part of the page, in order: its first part, or one of the askers'."""
    shown = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    first, *parts = re.split(r"^### (.*)\n", shown, flags=re.MULTILINE)
    text = dict(zip(parts[::2], parts[1::2], strict=True)).get(heading, first)
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


def files() -> dict[str, str]:
    """The files that the page shows: name → text."""
    return dict(re.findall(r"```toml\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def index(tmp_path) -> Iterator[str]:
    build_all(WHEELS, tmp_path / "wheels")
    with IndexServer(tmp_path / "wheels") as server:
        yield server.url


def run_all(
    lines: list[str],
    folder: Path,
    environment: Mapping[str, str],
    modules: Mapping[str, Mapping[str, str]],
    places: Mapping[str, Path],
) -> None:
    """Run commands: `modules` are what loading one sets, `places` where things are here."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    base = str(places.get("/usr/bin/python3", folder / "nv/bin/python3"))
    path = f"{Path(sys.executable).parent}:{Path(base).parent}:{os.environ['PATH']}"
    now = {**os.environ, **environment, "PATH": path}
    for line in lines:
        if line.startswith("module load "):
            now |= modules.get(line.removeprefix("module load "), {})
            continue
        command = line
        for written, place in places.items():
            command = command.replace(written, str(place))
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=work,
            env=now,
            capture_output=True,
            text=True,
            check=False,
        )
        wanted = 3 if line.endswith("# refused") else 0
        assert done.returncode == wanted, f"{line}\n{done.stdout}{done.stderr}"


def test_every_command_does_what_the_page_says(tmp_path, index):
    site = prefix(tmp_path / "nv")
    for recipe in (
        toy("idna", "3.4"),
        toy("numpy", "1.26.4", compiled=True),
        toy("scipy", "1.11.0", "numpy<2", compiled=True),
        toy("torch", "2.8.0a0+nv25.5", compiled=True),
    ):
        install(site, recipe)
    image = tmp_path / "image"
    install(root(image, f"{tmp_path}/nv".lstrip("/")), toy("idna", "3.4"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work/nv.tar").write_bytes(tar_of(image))
    (tmp_path / "work/frozen.txt").write_text("idna==3.4\n")
    assert list(files()) == ["site/envc.toml"]
    for name, text in files().items():
        told = text.replace("/opt/nv", f"{tmp_path}/nv").replace('"3.11"', f'"{PYTHON}"')
        write(tmp_path / "work" / name, told)
    lines = commands("")
    assert len(lines) > 15
    shutil.copytree(tmp_path / "nv", tmp_path / "mounted", symlinks=True)
    places = {"/opt/nv": tmp_path / "nv", "/cvmfs/nv": tmp_path / "nv"}
    places["/mnt/nv"] = tmp_path / "mounted"
    run_all(lines, tmp_path, {"ENVC_INDEX_URL": index}, {}, places)


def test_all_that_the_systems_python_has(tmp_path, index):
    site = prefix(tmp_path / "nv")
    install(site, toy("beaker", "1.12.1"))
    install(tmp_path / "lib64", toy("blivet", "3.8.2", compiled=True))
    write(site / "lib64.pth", f"{tmp_path}/lib64\n")
    lines = commands("All that the system's Python has")
    places = {"/usr/bin/python3": tmp_path / "nv/bin/python3"}
    run_all(lines, tmp_path, {"ENVC_INDEX_URL": index}, {}, places)


def test_what_is_there_is_enough(tmp_path, index):
    install(prefix(tmp_path / "nv"), toy("numpy", "1.26.4", compiled=True))
    environment = {"ENVC_INDEX_URL": index, "CONDA_PREFIX": f"{tmp_path}/nv"}
    run_all(commands("What is there is enough"), tmp_path, environment, {}, {})


def test_what_a_modules_pythonpath_brings(tmp_path, index):
    prefix(tmp_path / "nv")
    install(tmp_path / "arrow", toy("pyarrow", "21.0.0", compiled=True))
    modules = {"python/3.13 arrow/21": module(f"{tmp_path}/arrow", "arrow/21")}
    lines = commands("What a module's PYTHONPATH brings")
    run_all(lines, tmp_path, {"ENVC_INDEX_URL": index}, modules, {})


def test_one_project_of_a_module_in_another_version(tmp_path, index):
    prefix(tmp_path / "nv")
    for recipe in (
        plugin("2.11.1"),
        toy("numpy", "1.26.4", compiled=True),
        toy("tensorflow", "2.11.0", "numpy<2", f"{PLUGIN}>=2.11", compiled=True),
    ):
        install(tmp_path / "tf", recipe)
    modules = {"TensorFlow/2.11.0": module(f"{tmp_path}/tf", "TensorFlow/2.11.0")}
    lines = commands("One project of a module in another version")
    run_all(lines, tmp_path, {"ENVC_INDEX_URL": index}, modules, {})


def module(folder: str, name: str) -> dict[str, str]:
    """What loading a module sets."""
    return {"PYTHONPATH": folder, "LOADEDMODULES": name}
