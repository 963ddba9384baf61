"""A virtual environment → what is installed there, by its metadata; nothing of it is run.

Sources: PEP 376 (REQUESTED), PEP 610 (direct_url.json), PEP 627.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from glob import glob
from urllib.parse import unquote, urlsplit

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName, default_environment
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.disk.digests import bytes_of, known_bytes
from envc.errors import Fault, UsageError
from envc.formats.arrival import LockedEntry, arrival_of_lock, git_place, path_place
from envc.formats.toml import cut
from envc.model.arrival import Arrival, ArrivedFolder
from envc.model.resolution import reach
from envc.model.value import replace, value
from envc.sites.place import shown, unreadable

_MOST_OF_METADATA = 16 << 20
_MOST_OF_A_NOTE = 1 << 20
# What `venv` and `virtualenv` put there themselves: a stack needs none of them to install.
_OF_ENVIRONMENTS = frozenset({"pip", "setuptools", "wheel"})


@value(kw_only=True)
class Installed:
    """A distribution that is installed: `is_requested`, somebody asked for it himself.

    `direct` is what its direct_url.json says, if it has one.
    """

    project: NormalizedName
    version: str
    folder: str
    requires: tuple[str, ...]
    is_requested: bool
    direct: Mapping[str, object]


def read_environment(path: str) -> Arrival:
    """What is installed in the virtual environment at an absolute path.

    Asked for is what its tool noted as requested, and what nothing requested leads to: by which
    extra that came, nobody noted.

    Raises:
        UsageError: it has no folder of installed projects.
    """
    told = _configuration(path)
    python = _python_of(told)
    left_out: list[Fault] = []
    installed = list(_distributions(path, python, left_out))
    if told.get("include-system-site-packages", "").strip().lower() == "true":
        what = "what its base has, which it shows as well (include-system-site-packages)"
        left_out.append(Fault(what, f"{shown(path)}/pyvenv.cfg", "name it under requires"))
    markers = _markers(python)
    edges = {each.project: tuple(_needs(each, markers)) for each in installed}
    editable = [each for each in installed if _is_editable(each)]
    entries = [
        LockedEntry(
            project=each.project,
            version=each.version,
            where=shown(each.folder),
            place=_place(each),
            needs=edges[each.project],
        )
        for each in installed
        if each not in editable
    ]
    asked, spare = _asked(installed, edges, editable)
    for name in spare:
        mend = "a stack needs none; name it under requires to have it"
        left_out.append(Fault(f"{name}, a tool of the environment's own", shown(path), mend))
    found = arrival_of_lock(entries, asked, left_out=left_out)
    return replace(
        found,
        folders=tuple(
            ArrivedFolder(path=_path(each), where=shown(each.folder), is_editable=True)
            for each in editable
        ),
        has_default=True,
        python=f"=={python}.*" if python else "",
    )


def _markers(python: str) -> dict[str, str]:
    """What markers ask of this machine, with that X.Y, without any extra."""
    found = {name: str(told) for name, told in default_environment().items()} | {"extra": ""}
    if python:
        found |= {"python_version": python, "python_full_version": f"{python}.0"}
    return found


def _configuration(path: str) -> dict[str, str]:
    try:
        text = bytes_of(f"{path}/pyvenv.cfg", _MOST_OF_A_NOTE).decode(errors="replace")
    except OSError as error:
        raise unreadable(error, f"{path}/pyvenv.cfg") from error
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip().lower(): given.strip() for key, _, given in pairs}


def _python_of(told: Mapping[str, str]) -> str:
    """The X.Y of the environment; "" where it does not say."""
    version = told.get("version_info") or told.get("version") or ""
    parts = version.split(".")[:2]
    return ".".join(parts) if len(parts) == len("XY") and all(map(str.isdecimal, parts)) else ""


def _distributions(path: str, python: str, left_out: list[Fault]) -> Iterator[Installed]:
    """What is installed, in order of name, each once; what cannot be read is left out."""
    pattern = f"python{python}*" if python else "python*"
    escaped = path.translate({ord(each): f"[{each}]" for each in "*?["})
    folders = [*glob(f"{escaped}/lib/{pattern}/site-packages")]
    folders += [
        f for f in glob(f"{escaped}/lib64/{pattern}/site-packages") if not _same(f, folders)
    ]
    if not folders:
        raise UsageError(
            "this environment has no lib/pythonX.Y/site-packages",
            where=shown(path),
            mend="name an environment of Python 3 that is whole",
        )
    seen: set[NormalizedName] = set()
    for folder in sorted(folders):
        for name in sorted(os.listdir(folder)):
            place = f"{folder}/{name}"
            if name.endswith(".dist-info"):
                found = _installed(place, left_out)
                if found is not None and found.project not in seen:
                    seen.add(found.project)
                    yield found
            elif name.endswith((".egg-info", ".egg-link", ".egg")):
                mend = "install it anew with pip, or name it under requires"
                left_out.append(Fault(f"{name}, of the old kind", shown(place), mend))


def _same(folder: str, known: Sequence[str]) -> bool:
    return any(os.path.samefile(folder, each) for each in known)


def _installed(folder: str, left_out: list[Fault]) -> Installed | None:
    raw = _metadata(folder)
    name, version = raw.get("name", ""), raw.get("version", "")
    try:
        return Installed(
            project=canonicalize_name(name, validate=True),
            version=str(Version(version)),
            folder=folder,
            requires=tuple(raw.get("requires_dist", ())),
            is_requested=os.path.exists(f"{folder}/REQUESTED"),
            direct=_direct(folder),
        )
    except (ValueError, InvalidVersion):  # InvalidName is a ValueError
        what = f"{os.path.basename(folder)}, whose METADATA cannot be read"
        left_out.append(
            Fault(cut(what), shown(folder), "install it anew, or name it under requires")
        )
        return None


def _metadata(folder: str) -> RawMetadata:
    content = known_bytes(f"{folder}/METADATA", _MOST_OF_METADATA)
    if content is None:
        return RawMetadata()
    return parse_email(content.partition(b"\n\n")[0])[0]


def _direct(folder: str) -> Mapping[str, object]:
    content = known_bytes(f"{folder}/direct_url.json", _MOST_OF_A_NOTE)
    try:
        told = json.loads(content) if content is not None else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) and isinstance(told.get("url"), str) else {}


def _table(each: Installed, key: str) -> Mapping[str, object]:
    found = each.direct.get(key)
    return found if isinstance(found, dict) else {}


def _path(each: Installed) -> str:
    return unquote(urlsplit(str(each.direct["url"])).path)


def _is_editable(each: Installed) -> bool:
    return bool(each.direct) and _table(each, "dir_info").get("editable") is True


def _place(each: Installed) -> str:
    """What a requirement names of it; "": it came from an index."""
    if not each.direct:
        return ""
    url, subdirectory = str(each.direct["url"]), str(each.direct.get("subdirectory") or "")
    commit = _table(each, "vcs_info").get("commit_id")
    if isinstance(commit, str):
        return git_place(url, commit, subdirectory)
    place = path_place(_path(each)) if url.startswith("file:") else url
    return f"{place}#subdirectory={subdirectory}" if subdirectory else place


def _needs(each: Installed, markers: Mapping[str, str]) -> Iterator[NormalizedName]:
    """The projects that a distribution leads to, without extras."""
    for line in each.requires:
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({**markers}):
                yield canonicalize_name(requirement.name)
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue


def _asked(
    installed: Sequence[Installed],
    edges: Mapping[NormalizedName, Sequence[NormalizedName]],
    editable: Sequence[Installed],
) -> tuple[list[str], list[str]]:
    """What is to be asked for, and the environment's own tools, which nothing leads to."""
    of_tools = [each.project for each in installed if each.project in _OF_ENVIRONMENTS]
    own = {each.project for each in editable}
    roots = [e.project for e in installed if e.is_requested and e.project not in {*of_tools, *own}]
    reached = reach([*roots, *(each for project in own for each in edges[project])], edges)
    needed = {other for project in edges for other in edges[project] if other != project}
    others = [p for p in edges if p not in needed and p not in {*of_tools, *own}]
    for project in (*others, *edges):  # the second: circles that nothing leads into
        if project not in reached and project not in {*of_tools, *own}:
            roots.append(project)
            reached |= reach([project], edges)
    return [*dict.fromkeys(roots)], [name for name in of_tools if name not in reached]
