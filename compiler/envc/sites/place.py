"""Where the site is: the nearest folder upwards that has a spec."""

import os
from collections.abc import Iterator

from envc.errors import UsageError

SPEC_NAME = "envc.toml"


def find_site(given: str | None) -> tuple[str, str]:
    """The folder and the name of the site's spec.

    Raises:
        UsageError: `given` has none, or no folder upwards has one.
    """
    if given is not None:
        folder = os.path.abspath(given)
        name = _spec_in(folder)
        if name is None:
            raise UsageError(
                "no envc.toml, and no pyproject.toml with [tool.envc], in this folder",
                where=folder,
                mend="name a site's folder with --site, or start one with `envc init`",
            )
        return folder, name
    for folder in _upwards(os.getcwd()):
        name = _spec_in(folder)
        if name is not None:
            return folder, name
    raise UsageError(
        "no site here: no envc.toml in this folder or any above it",
        where=os.getcwd(),
        mend="go into a site, name one with --site DIR, or start one with `envc init`",
    )


def shown(path: str) -> str:
    """A path as messages show it: relative to where the person is, when that is below."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _spec_in(folder: str) -> str | None:
    if os.path.isfile(f"{folder}/{SPEC_NAME}"):
        return SPEC_NAME
    try:
        with open(f"{folder}/pyproject.toml", "rb") as file:
            return "pyproject.toml" if b"[tool.envc" in file.read() else None
    except OSError:
        return None
