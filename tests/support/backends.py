"""Build backends that are a file of the project they build: a build needs no network.

Such a backend writes the one wheel that a recipe describes, and imports nothing but the standard
library.
"""

from pathlib import Path

from support.wheels import Recipe

BACKEND = '''\
"""Writes the one wheel that this project can become."""

import os
import zipfile

NAME = {name!r}
MEMBERS = {members!r}
FOLDER = {folder!r}


def {hook}(wheel_directory, config_settings=None, metadata_directory=None):
    assert FOLDER in (None, os.getcwd()), "it is to be built where it stands"
    with zipfile.ZipFile(os.path.join(wheel_directory, NAME), "w") as archive:
        for path, content in MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return NAME
'''


def build_system(requires: str = "") -> str:
    """The table of a `pyproject.toml` that leads to `backend.py`; `requires` as it stands there."""
    return f"""\
[build-system]
requires = [{requires}]
build-backend = "backend"
backend-path = ["."]
"""


def wheel_backend(wheel: Recipe) -> str:
    """A `backend.py` that writes the recipe's wheel."""
    return _backend("build_wheel", wheel, None)


def editable_backend(wheel: Recipe, folder: Path) -> str:
    """A `backend.py` that writes the recipe's wheel as an editable one, in this folder alone."""
    return _backend("build_editable", wheel, str(folder))


def _backend(hook: str, wheel: Recipe, folder: str | None) -> str:
    members = wheel.recorded_members()
    return BACKEND.format(hook=hook, name=wheel.filename, members=members, folder=folder)
