"""A user's own project in a folder, with a build backend of its own.

    write_project(folder, Recipe(name="mine", version="1.0"), package="…")

Its editable wheel (PEP 660) leads to `folder/src` by a `.pth` file, as those of setuptools and
hatchling do for such a project.
"""

from dataclasses import replace
from pathlib import Path

from support.backends import build_system, editable_backend
from support.wheels import Recipe

PROJECT = """\

[project]
name = "{name}"
version = "{version}"
dependencies = {requires}
"""


def write_project(folder: Path, recipe: Recipe, text: str) -> Path:
    """The folder of a project whose one package has this text."""
    wheel = replace(recipe, files={f"__editable__{recipe.name}.pth": f"{folder}/src\n"})
    package = folder / "src" / recipe.name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(text)
    (folder / "backend.py").write_text(editable_backend(wheel, folder))
    project = PROJECT.format(
        name=recipe.name, version=recipe.version, requires=list(recipe.requires)
    )
    (folder / "pyproject.toml").write_text(build_system() + project)
    return folder
