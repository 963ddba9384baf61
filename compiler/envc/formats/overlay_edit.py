"""Edits of an `overlay.toml` that leave comments and layout alone."""

from collections.abc import MutableMapping, Sequence

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from tomlkit.items import Array


def with_lines(
    text: bytes, requirements: Sequence[Requirement], folders: Sequence[str] = ()
) -> bytes:
    """The spec with these requirements and folders of editable projects.

    A requirement takes the place of one for the same project; what is new is appended.
    """
    document = tomlkit.parse(text.decode())
    for requirement in requirements:
        array = _array(document, "requires")
        places = _places(array, canonicalize_name(requirement.name))
        if places:
            array[places[0]] = str(requirement)
        else:
            array.append(str(requirement))
    for folder in folders:
        _array(document, "editable").append(folder)
    return tomlkit.dumps(document).encode()


def without_lines(
    text: bytes, projects: Sequence[NormalizedName], folders: Sequence[str] = ()
) -> tuple[bytes, list[NormalizedName]]:
    """The spec without requirements on these projects, and without these entries of `editable`.

    And those of the projects that had none.
    """
    document = tomlkit.parse(text.decode())
    absent: list[NormalizedName] = []
    for name in projects:
        array = _array(document, "requires")
        places = _places(array, name)
        if not places:
            absent.append(name)
        for place in reversed(places):
            del array[place]
    if folders:
        array = _array(document, "editable")
        for place in reversed([i for i, entry in enumerate(array) if str(entry) in folders]):
            del array[place]
    return tomlkit.dumps(document).encode(), absent


def _array(document: tomlkit.TOMLDocument, key: str) -> Array:
    """An array of `[overlay]`, made where the spec has none."""
    overlay = document["overlay"]
    if not isinstance(overlay, MutableMapping):  # a table, an inline one, or dotted keys
        raise TypeError("[overlay] is checked before it is edited")
    if key not in overlay:
        overlay[key] = tomlkit.array()
    array = overlay[key]
    if not isinstance(array, Array):
        raise TypeError(f"overlay.{key} is checked before it is edited")
    return array


def _places(requires: Array, project: NormalizedName) -> list[int]:
    """Where the requirements on a project stand."""
    names = [canonicalize_name(Requirement(str(entry)).name) for entry in requires]
    return [place for place, name in enumerate(names) if name == project]
