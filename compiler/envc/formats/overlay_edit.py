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


def with_editables(text: bytes, paths: Sequence[str]) -> bytes:
    """The spec with these folders of editable projects appended."""
    if not paths:
        return text
    document = tomlkit.parse(text.decode())
    array = _array(document, "editable")
    for path in paths:
        array.append(path)
    return tomlkit.dumps(document).encode()


def without_editables(text: bytes, paths: Sequence[str]) -> bytes:
    """The spec without these entries of `editable`."""
    if not paths:
        return text
    document = tomlkit.parse(text.decode())
    array = _array(document, "editable")
    for place in reversed([i for i, entry in enumerate(array) if str(entry) in paths]):
        del array[place]
    return tomlkit.dumps(document).encode()


def _requires(document: tomlkit.TOMLDocument) -> Array:
    """The array of requirements, made where the spec has none."""
    return _array(document, "requires")


def _array(document: tomlkit.TOMLDocument, key: str) -> Array:
    overlay = document["overlay"]
    if not isinstance(overlay, MutableMapping):  # a table, an inline one, or dotted keys
        raise TypeError("[overlay] is checked before it is edited")
    if key not in overlay:
        overlay[key] = tomlkit.array()
    array = overlay[key]
    if not isinstance(array, Array):
        raise TypeError(f"overlay.{key} is checked before it is edited")
    return array


def _project(text: str) -> NormalizedName:
    return canonicalize_name(Requirement(text).name)
