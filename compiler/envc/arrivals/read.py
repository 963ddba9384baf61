"""A path that somebody names → what it brings: by its name, the file of a tool, or an environment.

path ──▶ the reader for it ──▶ Arrival ──▶ with names of folders, and of the indexes
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envc.disk.digests import bytes_of
from envc.errors import Fault, SpecError, UsageError, shell_word
from envc.expand.arrival import project_arrival
from envc.formats.arrival import path_place, placed
from envc.formats.toml import MAXIMUM_BYTES
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival, ArrivedFolder, together
from envc.model.value import replace, value
from envc.reports.change import LeftOut
from envc.sites.place import shown, unreadable

# A lock: its bytes, name, folder, and what was asked for (None: nobody said) → what it brings.
ReadLock = Callable[[bytes, str, str, tuple[str, ...] | None], Arrival]

_PYPROJECT = "pyproject.toml"
# A user's name alone is part of an address for ssh.
_LOGIN = re.compile(r"(?<=http:)//[^/@\s]*@|(?<=https:)//[^/@\s]*@|(?<=ssh:)//[^/@:\s]*:[^/@\s]*@")
_MOST_OF_YAML = 1 << 18
# What may stand in a project's folder, as its tools call it.
_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", _PYPROJECT),
    *("requirements.txt", "requirements.in", "environment.yml"),
)
# What envc does not read, and what makes something of it that envc does.
_OTHERS = {
    "Pipfile.lock": "`pipenv requirements --hash > requirements.txt`, and name that",
    "Pipfile": "`pipenv requirements --hash > requirements.txt`, and name that",
    "pixi.lock": "`pixi project export conda-environment environment.yml`, and name that",
    "conda-lock.yml": "`conda-lock render --kind env`, and name what it writes",
    "setup.py": "`pip freeze > requirements.txt` where it is installed, and name that",
    "setup.cfg": "`pip freeze > requirements.txt` where it is installed, and name that",
}


@value(kw_only=True)
class Chosen:
    """The extras and groups (by their normalized names) that somebody wants beside the rest."""

    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, extras: Iterable[str], groups: Iterable[str]) -> "Chosen":
        """Those of these names."""
        return cls(
            extras=frozenset(map(canonicalize_name, extras)),
            groups=frozenset(map(canonicalize_name, groups)),
        )


def read_arrival(paths: Sequence[str], chosen: Chosen) -> Arrival:
    """What stands at these paths, together. Nothing is run, and no network asked.

    Raises:
        UsageError: one of them is not there, or nothing that envc reads.
        SpecError: with the faults of a file.
    """
    if (chosen.extras or chosen.groups) and not any(map(_has_choices, paths)):
        raise UsageError(
            "nothing that --from names has extras or groups",
            where=paths[0],
            mend="leave --extra and --group out, or name a pyproject.toml or a lock",
        )
    absolute = [os.path.abspath(os.path.expanduser(path)) for path in paths]
    found = together(_with_projects(_read(path, chosen)) for path in absolute)
    return _without_passwords(found)


def _without_passwords(arrival: Arrival) -> Arrival:
    """What is brought, without what lets somebody in: a spec is for everybody to read."""
    requires = tuple(_LOGIN.sub("//", text) for text in arrival.requires)
    told = tuple(
        Fault(f"the credentials of {bare}", "", "have git or netrc know them")
        for text, bare in zip(arrival.requires, requires, strict=True)
        if text != bare
    )
    return replace(arrival, requires=requires, left_out=(*arrival.left_out, *told))


def _has_choices(path: str) -> bool:
    name = os.path.basename(path)
    return _reader_for(name) in (_uv, _poetry, _pdm, _pylock, _project)


def _read(path: str, chosen: Chosen) -> Arrival:
    if os.path.isdir(path):
        return _folder(path)
    name = os.path.basename(path)
    reader = _reader_for(name)
    if reader is None:
        raise UsageError(
            "envc does not know what this file is",
            where=shown(path),
            mend=f"run {_OTHERS[name]}" if name in _OTHERS else f"name one of {', '.join(_FILES)}",
        )
    return reader(path, chosen)


def _reader_for(name: str) -> Callable[[str, Chosen], Arrival] | None:
    named: dict[str, Callable[[str, Chosen], Arrival]] = {
        "uv.lock": _uv,
        "poetry.lock": _poetry,
        "pdm.lock": _pdm,
        _PYPROJECT: _project,
    }
    if name in named:
        return named[name]
    if re.fullmatch(r"pylock(\..+)?\.toml", name):
        return _pylock
    if name in _OTHERS:
        return None
    if name.endswith((".yml", ".yaml")):
        return _conda
    return _requirements if name.endswith((".txt", ".in")) else None


def _folder(path: str) -> Arrival:
    if os.path.exists(f"{path}/pyvenv.cfg"):
        from envc.arrivals.environment import read_environment  # most people have a file

        return read_environment(path)
    if os.path.isdir(f"{path}/conda-meta"):
        raise UsageError(
            "this is an environment of conda",
            where=shown(path),
            mend=f"run `conda env export -p {shell_word(path)} > environment.yml`, and name that",
        )
    found = [name for name in _FILES if os.path.exists(f"{path}/{name}")]
    raise UsageError(
        "this folder is no virtual environment: it has no pyvenv.cfg",
        where=shown(path),
        mend=f"name one of its files: {', '.join(found)}"
        if found
        else "name an environment's folder, or a file of requirements",
    )


def _bytes(path: str, where: str = "", most_bytes: int = MAXIMUM_BYTES) -> bytes:
    try:
        return bytes_of(path, most_bytes)
    except OSError as error:
        fault = unreadable(error, path)
        if not where or not isinstance(fault, UsageError):
            raise fault from error
        what = f"{shown(path)} cannot be read: {error.strerror}"
        raise SpecError(what, where=where, mend="correct the path") from error


def _uv(path: str, chosen: Chosen) -> Arrival:
    from envc.formats.uv_lock import read_uv_lock

    folder = os.path.dirname(path)
    extras, groups = chosen.extras, chosen.groups
    return read_uv_lock(_bytes(path), shown(path), folder, extras=extras, groups=groups)


def _poetry(path: str, chosen: Chosen) -> Arrival:
    from envc.formats.poetry_lock import read_poetry_lock

    return _locked(path, chosen, read_poetry_lock)


def _pdm(path: str, chosen: Chosen) -> Arrival:
    from envc.formats.pdm_lock import read_pdm_lock

    return _locked(path, chosen, read_pdm_lock)


def _pylock(path: str, chosen: Chosen) -> Arrival:
    from envc.formats.pylock_arrival import read_pylock

    read = partial(read_pylock, extras=chosen.extras, groups=chosen.groups)
    return _locked(path, chosen, read)


def _locked(path: str, chosen: Chosen, read: ReadLock) -> Arrival:
    """What a lock brings that does not tell what was asked for: the project beside it does."""
    project = _project_beside(path, chosen)
    asked = None if project is None else project.requires
    found = read(_bytes(path), shown(path), os.path.dirname(path), asked)
    return _with_project(found, project)


def _project_beside(path: str, chosen: Chosen) -> Arrival | None:
    """What the pyproject.toml beside a lock asks for; None where there is none, or no project."""
    beside = f"{os.path.dirname(path)}/{_PYPROJECT}"
    tree = Tree.of(_bytes(beside), shown(beside)) if os.path.exists(beside) else None
    if tree is None or not (tree.has("project") or tree.at("tool").has("poetry")):
        return None
    return _project(beside, chosen)


def _with_project(locked: Arrival, project: Arrival | None) -> Arrival:
    """What a lock brings, with what its project says beside its requirements."""
    if project is None:
        told = Fault(
            "what was asked for: there is no pyproject.toml beside the lock",
            "",
            "requires has what nothing else needs, without bounds: add those that you want",
        )
        return replace(locked, left_out=(*locked.left_out, told))
    named = {each.place for each in locked.indexes}
    others = tuple(each for each in project.indexes if each.place not in named)
    return replace(
        locked,
        indexes=(*locked.indexes, *others),
        has_default=locked.has_default and project.has_default,
        python=locked.python or project.python,
        left_out=(*locked.left_out, *project.left_out),
    )


def _project(path: str, chosen: Chosen) -> Arrival:
    return project_arrival(
        _bytes(path),
        shown(path),
        os.path.dirname(path),
        extras=chosen.extras,
        groups=chosen.groups,
    )


def _conda(path: str, chosen: Chosen) -> Arrival:
    from envc.formats.conda_read import read_conda
    from envc.formats.requirements_read import requirements_in, text_of

    file, folder = shown(path), os.path.dirname(path)
    found = read_conda(text_of(_bytes(path, most_bytes=_MOST_OF_YAML), file), file)
    own = requirements_in(found.lines, file, folder)
    included = [each for kind in own.includes for each in _files(*kind, chosen)]
    arrival = together([own.arrival, *included])
    python = f"=={found.python}.*" if found.python else ""
    return replace(arrival, python=python, left_out=(*found.left_out, *arrival.left_out))


def _requirements(path: str, chosen: Chosen) -> Arrival:
    return together(_files("requirement", path, "", chosen))


def _files(kind: str, path: str, where: str, chosen: Chosen) -> list[Arrival]:
    """A file of requirements, those that it names, and for a compiled one what it was made from."""
    from envc.formats.requirements_read import RequirementsFile, RequirementsReader

    def read(path: str, where: str = "") -> list[RequirementsFile]:
        reader = RequirementsReader(_bytes, shown)
        return reader.read(path, is_constraints=kind == "constraint", where=where)

    files = read(path, where)
    folder, arrivals = os.path.dirname(path), [each.arrival for each in files]
    named = (os.path.join(folder, name) for each in files for name in each.compiled_from)
    sources = [each for each in dict.fromkeys(map(os.path.normpath, named)) if each != path]
    originals: dict[str, list[Arrival]] = {}
    for each in filter(os.path.isfile, sources):
        if each.endswith(_PYPROJECT):
            originals[each] = [_project(each, chosen)]
        elif each.endswith((".in", ".txt")):
            originals[each] = [found.arrival for found in read(each)]
    return _asked_in(sources, originals, arrivals) if sources else arrivals


def _asked_in(
    sources: Iterable[str], there: Mapping[str, Sequence[Arrival]], arrivals: Iterable[Arrival]
) -> list[Arrival]:
    """What was compiled, asked for as in the files that it was made from, those that are there."""
    originals = [each for found in there.values() for each in found]
    named = {
        canonicalize_name(Requirement(text).name) for each in originals for text in each.requires
    }
    missing = [
        Fault(
            f"the bounds and extras of what stood in {shown(path)}, which is not there",
            "",
            "requires names its projects alone: add what you want of them",
        )
        for path in sources
        if path not in there
    ]
    rest = [
        replace(
            each,
            requires=tuple(
                text
                for text in each.requires
                if canonicalize_name(Requirement(text).name) not in named
            ),
        )
        for each in arrivals
    ]
    return [*originals, *rest, Arrival(left_out=tuple(missing))]


def _with_projects(arrival: Arrival) -> Arrival:
    """What is brought, the folders that lines name as requirements: those say what they are called.

    Editable ones stay folders: an overlay can use them where they stand.
    """
    built = [each for each in arrival.folders if not each.is_editable]
    editable = tuple(each for each in arrival.folders if each.is_editable)
    return _with_built(replace(arrival, folders=editable), built)


def as_built(arrival: Arrival) -> Arrival:
    """An arrival for a common layer: of editable projects it has what they are when it locks."""
    told = tuple(
        Fault(
            f"that {shown(each.path)} can be edited: a layer has it as it is when it is locked",
            each.where,
            "`envc overlay add -e DIR` has it in an overlay",
        )
        for each in arrival.folders
    )
    bare = replace(arrival, folders=(), left_out=(*arrival.left_out, *told))
    return _with_built(bare, arrival.folders)


def _with_built(arrival: Arrival, folders: Iterable[ArrivedFolder]) -> Arrival:
    """What is brought, and the projects in these folders as requirements, to be built there."""
    requires: list[str] = []
    nameless: list[Fault] = []
    for each in folders:
        name = _name_in(each.path)
        if name is not None:
            requires.append(_requirement(each, name))
            continue
        what = f"{shown(each.path)}, whose pyproject.toml does not tell a name"
        mend = f"write it under requires as PROJECT @ {path_place(each.path)}"
        nameless.append(Fault(what, each.where, mend))
    return replace(
        arrival,
        requires=(*arrival.requires, *requires),
        builds=arrival.builds or bool(requires),
        left_out=(*arrival.left_out, *nameless),
    )


def _requirement(folder: ArrivedFolder, name: str) -> str:
    return placed(f"{name}{folder.extras}", path_place(folder.path), folder.marker)


def _name_in(folder: str) -> str | None:
    """The name that the pyproject.toml in a folder gives its project; None: it tells none."""
    path = f"{folder}/{_PYPROJECT}"
    if not os.path.isfile(path):
        return None
    tree = Tree.of(_bytes(path), shown(path))
    name = tree.at("project", "name").text() or tree.at("tool", "poetry", "name").text()
    return name or None


def left_out_of(faults: Iterable[Fault]) -> tuple[LeftOut, ...]:
    """What was left out, as reports have it, each once."""
    return tuple(LeftOut(*fault) for fault in dict.fromkeys(faults))
