"""The control of the tests: virtual environments, and a `.pth` file that names a folder.

`VERSIONS` and `broken` look at what a process sees, of either kind.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from support.sites import SITE_PACKAGES

VERSIONS = "import numpy, scipy; print(numpy.__version__, scipy.__version__)"

CONSISTENT = """
import sys
from importlib.metadata import distributions
from json import dumps
print(dumps([[d.name, d.version, d.requires or []] for d in distributions()]))
"""

SCRIPT = """\
#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""


def environment(folder: Path, *wheels: Path, on: Path | None = None) -> Path:
    """A new virtual environment with these wheels; `on`: with a path-only `.pth` to that one."""
    venv.create(folder, symlinks=True)
    for wheel in wheels:
        install(folder, wheel)
    if on is not None:
        (folder / SITE_PACKAGES / "base.pth").write_text(f"{on / SITE_PACKAGES}\n")
    return folder


def install(folder: Path, wheel: Path) -> None:
    """Unpack a wheel made from a recipe; its commands start the environment's interpreter."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            head, _, rest = member.partition("/")
            if head.endswith(".data"):
                path = folder / rest.removeprefix("data/")
            else:
                path = folder / SITE_PACKAGES / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            if path.name == "entry_points.txt":
                write_commands(folder, path.read_text().splitlines())


def write_commands(folder: Path, lines: Sequence[str]) -> None:
    """The console scripts of an `entry_points.txt` that has no other group before them."""
    for line in lines[1:]:
        name, _, reference = line.partition(" = ")
        if ":" not in reference:
            return
        module, _, function = reference.partition(":")
        path = folder / "bin" / name
        text = SCRIPT.format(python=folder / "bin/python", module=module, function=function)
        path.write_text(text)
        path.chmod(0o755)


def uninstall(folder: Path, *names: str) -> None:
    """Remove what stands under these names in the site-packages."""
    for name in names:
        for path in (folder / SITE_PACKAGES).glob(name):
            subprocess.run(["rm", "-r", path], check=True)


def output(*command: object, **variables: str) -> str:
    """What a command prints, which must succeed and say nothing else."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


def pip(folder: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    """Run the tests' own pip on an environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder]
    return subprocess.run(
        [*map(str, command), *map(str, words)], capture_output=True, text=True, check=False
    )


def uv() -> str | None:
    """The path of uv, beside the tests' own interpreter or on PATH."""
    places = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
    return shutil.which("uv", path=places)


def broken(python: Path) -> list[str]:
    """The requirements that what a process sees does not meet, and projects that it sees twice."""
    from packaging.requirements import Requirement

    found = json.loads(output(python, "-c", CONSISTENT))
    versions: dict[str, str] = {}
    faults = []
    for name, version, _ in found:
        if versions.setdefault(name, version) != version:
            faults.append(f"{name} twice")
    for name, _, requires in found:
        faults += [
            f"{name}: {requirement}"
            for requirement in map(Requirement, requires)
            if not requirement.specifier.contains(versions.get(requirement.name, "0"))
        ]
    return faults


def wheel(wheels: Path, name: str) -> Path:
    return wheels / f"{name}-py3-none-any.whl"
