"""A user's own project in a folder, with a build backend of its own: no network is needed.

    write_project(folder, Recipe(name="mine", version="1.0"), package="…")

Its editable wheel (PEP 660) leads to `folder/src` by a `.pth` file, as those of setuptools and
hatchling do for such a project.
"""

from dataclasses import replace
from pathlib import Path

from support.wheels import Recipe

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
dependencies = {requires}
"""

BACKEND = '''\
"""Writes the one editable wheel that this project has."""

import os
import zipfile

NAME = {name!r}
MEMBERS = {members!r}


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    assert os.getcwd() == {folder!r}, "a project is built where it stands"
    with zipfile.ZipFile(os.path.join(wheel_directory, NAME), "w") as archive:
        for path, content in MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return NAME
'''


def write_project(folder: Path, recipe: Recipe, text: str) -> Path:
    """The folder of a project whose one package has this text."""
    wheel = replace(recipe, files={f"__editable__{recipe.name}.pth": f"{folder}/src\n"})
    backend = BACKEND.format(
        name=wheel.filename, members=wheel.recorded_members(), folder=str(folder)
    )
    package = folder / "src" / recipe.name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(text)
    (folder / "backend.py").write_text(backend)
    (folder / "pyproject.toml").write_text(
        PROJECT.format(name=recipe.name, version=recipe.version, requires=list(recipe.requires))
    )
    return folder
