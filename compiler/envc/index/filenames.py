"""The version that a distribution's file name tells, for pages of thousands of files."""

import re
from functools import lru_cache

from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

SDIST_SUFFIXES = (".tar.gz", ".zip")

# The name becomes part of paths and URLs: nothing that could leave a folder.
_PLAIN = re.compile(r"[A-Za-z0-9._+!-]{1,255}")
_BUILD = re.compile(r"\d+[^-]*")


def version_of(filename: str, project: NormalizedName) -> Version | None:
    """The version of a wheel or source distribution of that project; None for anything else.

    Source: https://packaging.python.org/specifications/binary-distribution-format/
    """
    if not _PLAIN.fullmatch(filename):
        return None
    if filename.endswith(".whl"):
        return _version_of_wheel(filename.removesuffix(".whl").split("-"), project)
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            return _version_of_sdist(filename.removesuffix(suffix), project)
    return None


def project_of(filename: str) -> NormalizedName | None:
    """The project of a wheel's or a source distribution's file name; None for any other file.

    A name with dashes is read up to the last one: so new names are written (PEP 625).
    """
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            name, dash, _ = filename.removesuffix(suffix).rpartition("-")
            return canonicalize_name(name) if dash and _PLAIN.fullmatch(filename) else None
    try:
        return parse_wheel_filename(filename)[0]
    except InvalidWheelFilename:
        return None


def _version_of_wheel(parts: list[str], project: NormalizedName) -> Version | None:
    match parts:
        case [name, version, python, abi, platform]:
            pass
        case [name, version, build, python, abi, platform] if _BUILD.fullmatch(build):
            pass
        case _:
            return None
    if not _is_wheel_of(name, f"{python}-{abi}-{platform}", project):
        return None
    return _version(version)


def _version_of_sdist(stem: str, project: NormalizedName) -> Version | None:
    # Names with dashes and versions with dashes are both on old pages: the project decides.
    cut = stem.find("-")
    while cut != -1:
        if _canonical(stem[:cut]) == project:
            return _version(stem[cut + 1 :])
        cut = stem.find("-", cut + 1)
    return None


@lru_cache(maxsize=4096)
def _is_wheel_of(name: str, tags: str, project: NormalizedName) -> bool:
    # Few name and tag parts make up a page; the library's parser is too dear for each file.
    try:
        return parse_wheel_filename(f"{name}-0-{tags}.whl")[0] == project
    except InvalidWheelFilename:
        return False


_canonical = lru_cache(maxsize=1024)(canonicalize_name)


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
