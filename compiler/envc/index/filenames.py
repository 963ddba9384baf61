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
_LONGEST = 255
_PLAIN = re.compile(r"[A-Za-z0-9._+!-]{1,255}")
_BUILD = re.compile(r"[0-9][A-Za-z0-9._+!]*")
_DASHES_WITH_BUILD = 3


def version_of(filename: str, project: NormalizedName) -> Version | None:
    """The version of a wheel or source distribution of that project; None for anything else.

    Source: https://packaging.python.org/specifications/binary-distribution-format/
    """
    if filename.endswith(".whl"):
        cut = filename.find("-", filename.find("-") + 1)
        stem, rest = filename[:cut], filename[cut + 1 :]
        is_wheel = cut != -1 and len(filename) <= _LONGEST and _is_rest_of_wheel(rest)
        return _version_of_stem(stem, project) if is_wheel else None
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            stem = filename.removesuffix(suffix)
            return _version_of_sdist(stem, project) if _PLAIN.fullmatch(filename) else None
    return None


def project_of(filename: str) -> NormalizedName | None:
    """The project of a wheel's or a source distribution's file name; None for any other file.

    A name with dashes is read up to the last one: so new names are written (PEP 625).
    """
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            name, dash, _ = filename.removesuffix(suffix).rpartition("-")
            return canonicalize_name(name) if dash and _PLAIN.fullmatch(filename) else None
    return _project_of_wheel(filename)


# Few stems, and few build and tag parts, make up the wheels of a page: each is looked at once.
@lru_cache(maxsize=4096)
def _version_of_stem(stem: str, project: NormalizedName) -> Version | None:
    name, _, version = stem.partition("-")
    is_of_project = _project_as_wheels_spell_it(name) == project
    return _version(version) if is_of_project and _PLAIN.fullmatch(version) else None


@lru_cache(maxsize=1024)
def _project_as_wheels_spell_it(name: str) -> NormalizedName | None:
    return _project_of_wheel(f"{name}-0-py3-none-any.whl") if _PLAIN.fullmatch(name) else None


@lru_cache(maxsize=4096)
def _is_rest_of_wheel(rest: str) -> bool:
    """Whether it can follow a name and a version: a build, if there is one, then three tags."""
    if rest.count("-") == _DASHES_WITH_BUILD:
        build, _, rest = rest.partition("-")
        if not _BUILD.fullmatch(build):
            return False
    return bool(_PLAIN.fullmatch(rest)) and _project_of_wheel(f"x-0-{rest}") is not None


def _project_of_wheel(filename: str) -> NormalizedName | None:
    try:
        return parse_wheel_filename(filename)[0]
    except InvalidWheelFilename:
        return None


def _version_of_sdist(stem: str, project: NormalizedName) -> Version | None:
    # Names with dashes and versions with dashes are both on old pages: the project decides.
    cut = stem.find("-")
    while cut != -1:
        if _canonical(stem[:cut]) == project:
            return _version(stem[cut + 1 :])
        cut = stem.find("-", cut + 1)
    return None


_canonical = lru_cache(maxsize=1024)(canonicalize_name)


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
