"""Edits of an `overlay.toml` that leave comments and layout alone."""

from collections.abc import MutableMapping, Sequence

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from tomlkit.items import Array


def with_requirements(text: bytes, requirements: Sequence[Requirement]) -> bytes:
    """The spec with these requirements: one for the same project is replaced, others appended."""
    document = tomlkit.parse(text.decode())
    array = _requires(document)
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        place = next((i for i, entry in enumerate(array) if _project(str(entry)) == name), None)
        if place is None:
            array.append(str(requirement))
        else:
            array[place] = str(requirement)
    return tomlkit.dumps(document).encode()


def without_projects(
    text: bytes, projects: Sequence[NormalizedName]
) -> tuple[bytes, list[NormalizedName]]:
    """The spec without requirements on these projects, and those that had none."""
    document = tomlkit.parse(text.decode())
    array = _requires(document)
    absent: list[NormalizedName] = []
    for name in projects:
        places = [i for i, entry in enumerate(array) if _project(str(entry)) == name]
        if not places:
            absent.append(name)
        for place in reversed(places):
            del array[place]
    return tomlkit.dumps(document).encode(), absent


def _requires(document: tomlkit.TOMLDocument) -> Array:
    """The array of requirements, made where the spec has none."""
    overlay = document["overlay"]
    if not isinstance(overlay, MutableMapping):  # a table, an inline one, or dotted keys
        raise TypeError("[overlay] is checked before it is edited")
    if "requires" not in overlay:
        overlay["requires"] = tomlkit.array()
    array = overlay["requires"]
    if not isinstance(array, Array):
        raise TypeError("overlay.requires is checked before it is edited")
    return array


def _project(text: str) -> NormalizedName:
    return canonicalize_name(Requirement(text).name)
