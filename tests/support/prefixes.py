"""Environments that envc did not build: toy prefixes, as pip, setuptools or a module leave them."""

import os
import venv
from pathlib import Path

from support.sites import PYTHON
from support.wheels import Recipe

# A file that is named as a compiled module is, and that nobody imports.
COMPILED = "_core.abi3.so"


def prefix(folder: Path) -> Path:
    """A new virtual environment without pip; its site-packages."""
    venv.EnvBuilder(symlinks=True).create(folder)
    return folder / f"lib/python{PYTHON}/site-packages"


def install(site: Path, recipe: Recipe) -> None:
    """Unpack a wheel, as pip does: metadata with a RECORD."""
    for path, content in recipe.recorded_members().items():
        write(site / path, content)


def toy(name: str, version: str, *requires: str, compiled: bool = False) -> Recipe:
    """A package that knows its version."""
    files: dict[str, str | bytes] = {f"{name}/__init__.py": f"__version__ = {version!r}\n"}
    if compiled:
        files[f"{name}/{COMPILED}"] = b""
    return Recipe(name=name, version=version, requires=requires, files=files)


def egg_info(
    site: Path, name: str, version: str, *, top_level: bool = True, requires: str = ""
) -> None:
    """A project as old setuptools leave it: an `.egg-info` folder, and no list of files."""
    info = site / f"{name}-{version}.egg-info"
    write(info / "PKG-INFO", f"Metadata-Version: 1.1\nName: {name}\nVersion: {version}\n")
    if requires:
        write(info / "requires.txt", requires)
    if top_level:
        write(info / "top_level.txt", f"{name}\n")
    write(site / name / "__init__.py", f"__version__ = {version!r}\n")


def egg_info_file(site: Path, name: str, version: str) -> None:
    """A project as distutils leave it: an `.egg-info` file, and nothing else."""
    text = f"Metadata-Version: 1.1\nName: {name}\nVersion: {version}\n"
    write(site / f"{name}-{version}.egg-info", text)
    write(site / name / "__init__.py", f"__version__ = {version!r}\n")


def editable(site: Path, project: Path, name: str, version: str) -> None:
    """A project that is used where it stands: a `.pth` line leads to its folder."""
    write(project / "src" / name / "__init__.py", f"__version__ = {version!r}\n")
    install(
        site,
        Recipe(name=name, version=version, files={f"__editable__.{name}.pth": f"{project}/src\n"}),
    )


def write(path: Path, content: str | bytes) -> None:
    """A file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def made_older(site: Path) -> None:
    """Give a folder a time of its own, that what is written to it now changes."""
    os.utime(site, (1_000_000_000, 1_000_000_000))
