"""A list of versions, as facts: pip's or conda's. What its projects require, it does not tell.

`pip freeze`, requirements with `NAME==VERSION`, `pip list --format json`, `conda list --json`.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from envc.described.foreign import FORMAT
from envc.described.inspected import known_by_metadata
from envc.errors import UsageError
from envc.host.machine import machine_of

_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*===?\s*([\w.!+-]+)")
_LINE = re.compile(rf"{_PINNED.pattern}\s*(?:[;#\\].*|--hash.*)?")
_PYTHON = re.compile(r"(?:(/.*)/bin/)?(?:python)?(3\.\d{1,3})(\.\d{1,3})?")
# The builds of conda's that are a Python's: `py311h64a7726_0`, `pyhd8ed1ab_0`, `py_0`, `pypi_0`.
_BUILD = re.compile(r"(?:.*_)?(?:py\d|py_|pyh|pypi_).*")
_MOST_PROJECTS = 20_000
_MOST_NOTED = 20
_MACHINES = {"linux-64": "linux-x86_64", "linux-aarch64": "linux-aarch64"}


class _Listed(NamedTuple):
    """What a list tells: projects, what of it is none, and the Python and the machine, if any."""

    versions: dict[str, str]
    left_out: list[str]
    python_full: str = ""
    platform: str = ""


def is_list(text: bytes) -> bool:
    """Whether a text may be a list of versions."""
    start = text[:4096].lstrip()
    if start.startswith(b"["):
        return b'"version"' in text
    lines = (line.strip() for line in start.decode(errors="replace").splitlines())
    return any(_LINE.fullmatch(line) for line in lines)


def facts_of_list(text: bytes, source: str, python: str | None) -> dict[str, Any]:
    """The list as what the environment's own Python would print, as far as a list knows it.

    `python` is the Python that it is of: X.Y, X.Y.Z, or the path of one that is named by it.

    Raises:
        UsageError: it is no such list, or nothing tells its Python.
    """
    found = _of_json(text, source) if text.lstrip().startswith(b"[") else _of_lines(text)
    here = machine_of(None)
    executable, python_full = _python(python or found.python_full, source)
    folder = f"{posixpath.dirname(posixpath.dirname(executable))}/lib/python"
    folder += f"{python_full.rpartition('.')[0]}/site-packages"
    listed = found.versions.items()
    names = {f"{name}-{version}.dist-info": (name, version) for name, version in listed}
    return {
        "facts": FORMAT,
        "implementation": "cpython",
        "python_full": python_full,
        "executable": executable,
        "base_executable": executable,
        "platform": found.platform or here.platform,
        "libc": here.libc,
        "modules": [],
        "variables": {},
        "folders": [
            {
                "path": folder,
                "mtime": 0,
                "is_site": True,
                "added_by": "",
                "told": sorted(names),
                "top": dict.fromkeys(names, "folder"),
                "start_files": [],
                "distributions": [_distribution(*each) for each in sorted(names.items())],
            }
        ],
        "notes": list(_notes(found)),
    }


def _notes(found: _Listed) -> Iterator[str]:
    yield (
        "a list tells versions alone: what each project requires, and what can be imported from "
        "it, is not known, and every project counts as compiled"
    )
    yield from (f"{line}: is no project with a version" for line in found.left_out[:_MOST_NOTED])
    more = len(found.left_out) - _MOST_NOTED
    if more > 0:
        yield f"{more} more are no projects with a version"


def _distribution(name: str, listed: tuple[str, str]) -> dict[str, Any]:
    metadata = f"Name: {listed[0]}\nVersion: {listed[1]}"
    return {**known_by_metadata(name, metadata), "is_listed": True}


def _of_lines(text: bytes) -> _Listed:
    """The lines that pin a project, of a text as pip writes and reads it."""
    versions: dict[str, str] = {}
    left_out: list[str] = []
    for line in map(str.strip, text.decode(errors="replace").splitlines()):
        found = _LINE.fullmatch(line)
        if found is not None:
            _take(found[1], found[2], versions, left_out)
        elif line and not line.startswith(("#", "--")):
            left_out.append(ascii(line[:80])[1:-1])
    return _Listed(versions, left_out)


def _of_json(text: bytes, source: str) -> _Listed:
    versions: dict[str, str] = {}
    left_out: list[str] = []
    python_full = platform = ""
    try:
        for each in json.loads(text):
            name, version, build = each["name"], each["version"], each.get("build_string")
            if build is None or _BUILD.fullmatch(build):
                _take(str(name), str(version), versions, left_out)
            elif name == "python":
                python_full = str(version)
                platform = _MACHINES.get(str(each.get("platform")), "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"this is no list of projects: {type(error).__name__}: {error}",
            where=source,
            mend="write it with `pip list --format json` or `conda list --json`",
        ) from error
    return _Listed(versions, left_out, python_full, platform)


def _take(name: str, version: str, versions: dict[str, str], left_out: list[str]) -> None:
    """Note a project, unless its version is none of today."""
    try:
        if _PINNED.fullmatch(f"{name}=={version}") and len(versions) < _MOST_PROJECTS:
            versions[canonicalize_name(name)] = str(Version(version))
            return
    except ValueError:
        pass
    left_out.append(ascii(f"{name[:60]} {version[:20]}")[1:-1])


def _python(word: str, source: str) -> tuple[str, str]:
    """The interpreter of a list, and its version."""
    found = _PYTHON.fullmatch(word)
    if found is None:
        raise UsageError(
            "a list of versions does not tell which Python it is of"
            if not word
            else f"{word} does not tell which Python that is",
            where=source,
            mend="say it: `--python 3.11.7`, or its path, `--python /opt/nv/bin/python3.11`",
        )
    prefix, python, patch = found.groups()
    return f"{prefix or '/usr'}/bin/python{python}", f"{python}{patch or '.0'}"
