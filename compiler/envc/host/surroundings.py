"""What a person's environment puts in front of a stack, and what it lacks."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envc.errors import shell_word
from envc.model.names import site_packages_of

DROPPED = ("PYTHONHOME", "PYTHONUSERBASE", "__PYVENV_LAUNCHER__")
_SOURCES = (".py", ".pyc", ".so")
_NAMES_SHOWN = 3
_GOES_BEFORE = " is set, and goes before the stack: "


class Shadowing(NamedTuple):
    """A variable that is in the way: what to say of it."""

    name: str
    message: str


def shadowing(
    surroundings: Mapping[str, str], trees: tuple[str, ...], python: str
) -> list[Shadowing]:
    """What would shadow a stack whose trees are these, top first, in order of variable.

    A `PYTHONPATH` goes before the whole stack, a `LD_LIBRARY_PATH` before what libraries find
    beside them; with an empty part, each means the present folder.
    """
    found: list[Shadowing] = []
    path = surroundings.get("PYTHONPATH", "")
    if path:
        folders = [f"{tree}/{site_packages_of(python)}" for tree in trees]
        known = {name for folder in folders for name in _modules(folder)}
        named = sorted({name for part in path.split(":") for name in _modules(part or ".")} & known)
        said = f"PYTHONPATH{_GOES_BEFORE}{path}{_hidden(named)}"
        found.append(Shadowing("PYTHONPATH", said))
    path = surroundings.get("LD_LIBRARY_PATH", "")
    if path:
        found.append(Shadowing("LD_LIBRARY_PATH", f"LD_LIBRARY_PATH{_GOES_BEFORE}{path}"))
    return found


def missing_modules(surroundings: Mapping[str, str], wanted: Iterable[str]) -> list[str]:
    """The environment modules that are wanted and not loaded; one without a version: any will do.

    Source: `LOADEDMODULES`, as Lmod and environment-modules keep it.
    """
    loaded = set(filter(None, surroundings.get("LOADEDMODULES", "").split(":")))
    loaded |= {name.rpartition("/")[0] for name in loaded}
    return [name for name in wanted if name not in loaded]


def said_of_modules(missing: list[str]) -> str:
    """That modules are missing, and how to load them."""
    load = f"module load {' '.join(map(shell_word, missing))}"
    return f"the stack needs environment modules that are not loaded: `{load}`"


def _hidden(modules: list[str]) -> str:
    more = f" and {len(modules) - _NAMES_SHOWN} more" if len(modules) > _NAMES_SHOWN else ""
    named = ", ".join(modules[:_NAMES_SHOWN])
    return f" (it hides the modules {named}{more})" if modules else ""


def _modules(folder: str) -> Iterator[str]:
    """The importable names at the top of a folder of `sys.path`."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name, dot, rest = entry.name.partition(".")
        if not name or name == "__pycache__":
            continue
        if (not dot and entry.is_dir()) or f".{rest}".endswith(_SOURCES):
            yield name
