"""Source distributions, from recipes with a build backend of their own, or of any files.

Sdist(Recipe("six", version="1.16.0")).build(folder)  # the path of the archive
"""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from support.backends import build_system, wheel_backend
from support.wheels import Recipe

PROJECT = """\

[project]
name = "{name}"
dynamic = ["version", "dependencies", "optional-dependencies", "requires-python"]
"""


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
        return {
            "PKG-INFO": info.encode(),
            "backend.py": wheel_backend(wheel).encode(),
            "pyproject.toml": (build_system() + PROJECT.format(name=self.recipe.name)).encode(),
        }

    def build(self, folder: Path) -> Path:
        """Write the archive into `folder` and return its path."""
        members = {f"{self.recipe.stem}/{name}": text for name, text in self.members().items()}
        return write_tar(folder / self.filename, members)


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a compressed archive with these members, whatever their names; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
