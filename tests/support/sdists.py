"""Source distributions from recipes, with a build backend of their own: a build needs no network.

    Sdist(Recipe("six", version="1.16.0")).build(folder)  # the path of the archive

The backend is a file of the archive. It writes the wheel that the recipe describes, and imports
nothing but the standard library.
"""

import io
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

from support.wheels import Recipe

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
dynamic = ["version", "dependencies", "optional-dependencies", "requires-python"]
"""

BACKEND = '''\
"""Writes the one wheel that this source distribution can become."""

import os
import zipfile

NAME = {name!r}
MEMBERS = {members!r}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(wheel_directory, NAME), "w") as archive:
        for path, content in MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return NAME
'''


@dataclass(frozen=True)
class Sdist:
    """The source of a recipe's wheel; `static` tells whether PKG-INFO promises its metadata."""

    recipe: Recipe
    static: bool = True

    @property
    def filename(self) -> str:
        return f"{self.recipe.stem}.tar.gz"

    def members(self) -> dict[str, bytes]:
        """Every file below the archive's one folder."""
        wheel = replace(self.recipe, tag="py3-none-any")
        info = self.recipe.metadata()
        if not self.static:
            info = info.replace("Version: ", "Dynamic: Requires-Dist\nVersion: ", 1)
        backend = BACKEND.format(name=wheel.filename, members=wheel.recorded_members())
        return {
            "PKG-INFO": info.encode(),
            "backend.py": backend.encode(),
            "pyproject.toml": PROJECT.format(name=self.recipe.name).encode(),
        }

    def build(self, folder: Path) -> Path:
        """Write the archive into `folder` and return its path."""
        path = folder / self.filename
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            for name, content in self.members().items():
                member = tarfile.TarInfo(f"{self.recipe.stem}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return path
