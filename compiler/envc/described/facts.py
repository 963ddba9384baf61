"""What a foreign interpreter printed, as an inventory: it is taken for hostile.

bytes ──Facts──▶ distributions, each with what is its own ──unmet──▶ Inventory
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from typing import Annotated, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.described.told import names_digest
from envc.described.unmet import unmet_in
from envc.errors import UsageError
from envc.formats.scripts import parse_entry_points
from envc.formats.values import FormError, refuse_nul, value_of
from envc.model.inventory import (
    AbsolutePath,
    DescribedFolder,
    FullVersion,
    InsidePath,
    InstalledDistribution,
    Inventory,
    Known,
    Libc,
    Name,
    Platform,
    Shown,
    Unowned,
)
from envc.model.spec import LONGEST_REQUIREMENT, has_endless_number
from envc.model.target import Machine
from envc.model.value import replace, value
from envc.model.wheel import ConsoleScript, ModuleTree
from envc.store.modules import module_tree

MARK = b"\x1eenvc-facts\n"
MOST_BYTES = 1 << 26
_FACTS_FORMAT = 1
# What is meant where nothing tells, as for a target that names none.
_LIBC = "glibc-2.28"
_MEND = "write it with `envc describe --script`, run by the environment's own Python"
_METADATA = (".dist-info", ".egg-info")


@value(kw_only=True)
class FoundDistribution:
    """A distribution's texts, and its paths: those of packages end with a slash.

    `mapped` are paths of what stands elsewhere, as it is imported. `joined` are the packages that
    let other folders add to them: what is known to be in one has paths of its own. `is_listed`:
    nothing but its version is known.
    """

    name: Name
    metadata: str | None
    requires: str
    entry_points: str
    how: Known
    paths: tuple[InsidePath, ...]
    mapped: tuple[InsidePath, ...]
    compiled: bool
    joined: tuple[InsidePath, ...] = ()
    is_listed: bool = False


@value(kw_only=True)
class FoundFolder:
    """A folder of the path; `top` is all that stands in it, and what that is."""

    path: AbsolutePath
    mtime: int
    is_site: bool
    added_by: Shown
    told: tuple[Name, ...]
    top: dict[Name, Annotated[str, "package|folder|file"]]
    start_files: tuple[Name, ...]
    distributions: tuple[FoundDistribution, ...]


@value(kw_only=True)
class Facts:
    """All that the program `foreign.py` prints."""

    facts: int
    implementation: Shown
    python_full: FullVersion
    executable: AbsolutePath
    base_executable: AbsolutePath
    platform: Platform
    libc: Libc
    modules: tuple[Shown, ...]
    variables: dict[Annotated[str, r"[A-Za-z_][A-Za-z0-9_]*"], Shown]
    folders: tuple[FoundFolder, ...]
    notes: tuple[str, ...]


def facts_from(printed: bytes, source: str) -> Facts:
    """What was printed; whatever the environment itself had to say stands before it.

    Raises:
        UsageError: it is no such thing.
    """
    text = printed.rpartition(MARK)[2]
    try:
        refuse_nul(text, source)
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "these are no facts of an environment: it is no JSON", where=source, mend=_MEND
        ) from error
    return facts_of(told, source)


def facts_of(told: Any, source: str) -> Facts:
    """What was told, as a value.

    Raises:
        UsageError: it is no such thing.
    """
    try:
        facts = value_of(Facts, told)
    except FormError as error:
        raise UsageError(
            f"these are no facts of an environment: {error.where}: {error.what}",
            where=source,
            mend=_MEND,
        ) from error
    if facts.facts != _FACTS_FORMAT:
        raise UsageError(f"facts of format {facts.facts}, not 1", where=source, mend=_MEND)
    if facts.implementation != "cpython":
        raise UsageError(
            f"the interpreter is {facts.implementation}, and envc compiles for CPython",
            where=source,
            mend="describe an environment of a CPython",
        )
    return facts


def inventory_of(facts: Facts) -> Inventory:
    """The inventory of these facts."""
    found = _Reading(facts)
    machine = Machine(
        interpreter=facts.base_executable,
        python_full=facts.python_full,
        platform=facts.platform,
        libc=facts.libc or _LIBC,
    )
    inventory = Inventory(
        python=facts.executable,
        interpreter=facts.base_executable,
        python_full=facts.python_full,
        platform=machine.platform,
        libc=machine.libc,
        folders=tuple(
            DescribedFolder(
                path=folder.path,
                mtime_seconds=folder.mtime,
                names=names_digest(folder.told),
                runs_start_files=folder.is_site,
                added_by=folder.added_by,
            )
            for folder in facts.folders
        ),
        distributions=tuple(found.distributions()),
        unowned=tuple(found.unowned()),
        unread=(*facts.notes, *found.unread, *_said_of_libc(facts)),
        modules=facts.modules,
        variables=tuple(sorted(facts.variables.items())),
    )
    return replace(inventory, unmet=unmet_in(inventory, machine.target("base").markers))


def _said_of_libc(facts: Facts) -> tuple[str, ...]:
    return () if facts.libc else (f"nothing tells its C library, which is taken for {_LIBC}",)


class _Reading:
    """Facts, read distribution by distribution; `unread` says of which something is not known."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._python = ".".join(facts.python_full.split(".")[:2])
        self.unread: list[str] = []
        self._owners: list[dict[str, set[str]]] = [_owners(folder) for folder in facts.folders]

    def distributions(self) -> Iterator[InstalledDistribution]:
        """Those that are some, in order of folder and project; doubles are marked."""
        seen: set[NormalizedName] = set()
        for number, folder in enumerate(self._facts.folders):
            read = [self._distribution(number, each) for each in folder.distributions]
            own = sorted(filter(None, read), key=lambda each: (each.project, each.metadata))
            for each in own:
                yield replace(each, is_double=each.project in seen)
                seen.add(each.project)

    def unowned(self) -> Iterator[Unowned]:
        """What belongs to no distribution, of each folder that has such things."""
        for number, folder in enumerate(self._facts.folders):
            owned = {path.partition("/")[0] for path in self._owners[number]}
            free = [name for name in folder.top if name not in owned and not _is_told(name)]
            shown = [_with_slash(name, folder.top[name]) for name in sorted(free)]
            start = tuple(n for n in folder.start_files if n not in owned) if folder.is_site else ()
            if shown or start:
                yield Unowned(
                    folder=number,
                    modules=self._modules(shown),
                    start_files=start,
                    places=tuple(sorted(free)),
                )

    def _distribution(self, number: int, found: FoundDistribution) -> InstalledDistribution | None:
        folder = self._facts.folders[number]
        place = f"{folder.path}/{found.name}"
        if found.metadata is None:
            self.unread.append(f"{place}: its metadata cannot be read")
            return None
        message = HeaderParser().parsestr(found.metadata)
        name, version = message.get("Name", "").strip(), message.get("Version", "").strip()
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,199})", name) or not _is_version(
            version
        ):
            self.unread.append(f"{place}: its metadata names no project, or no version of today")
            return None
        lines = [" ".join(line.split()) for line in message.get_all("Requires-Dist", [])]
        lines = lines or list(lines_of_egg(found.requires))
        bad = [line for line in lines if not _is_requirement(line)]
        self.unread += [
            f"{place}: {line[:80]!r} is no requirement, and is left out" for line in bad
        ]
        python = " ".join(message.get("Requires-Python", "").split())
        start = [p for p in found.paths if p in folder.start_files] if folder.is_site else []
        return InstalledDistribution(
            folder=number,
            metadata=found.name,
            project=canonicalize_name(name),
            version=version,
            files=found.how,
            is_compiled=found.compiled,
            is_listed=found.is_listed,
            requires=tuple(line for line in lines if line not in bad),
            requires_python=python if 0 < len(python) <= LONGEST_REQUIREMENT else None,
            extras=tuple(sorted(map(canonicalize_name, message.get_all("Provides-Extra", [])))),
            modules=self._modules(
                [*(p for p in found.paths if not _is_told(p.partition("/")[0])), *found.mapped]
            ),
            joined={each.replace("/", "."): self._inside(each, found) for each in found.joined},
            console_scripts=self._scripts(found, place),
            start_files=tuple(sorted(start)),
            places=tuple(sorted(self._places(number, found))),
        )

    def _scripts(self, found: FoundDistribution, place: str) -> tuple[ConsoleScript, ...]:
        try:
            return parse_entry_points(found.entry_points)
        except ValueError as error:
            self.unread.append(f"{place}: its entry points are left out: {error}")
            return ()

    def _modules(self, paths: Iterable[str]) -> ModuleTree:
        return module_tree(map(_as_file, paths), self._python)

    def _inside(self, package: str, found: FoundDistribution) -> ModuleTree:
        """What a distribution has in a package that joins others."""
        folder = f"{package}/"
        below = (path.removeprefix(folder) for path in found.paths if path.startswith(folder))
        return self._modules(path for path in below if path and not path.startswith("__init__."))

    def _places(self, number: int, found: FoundDistribution) -> Iterator[str]:
        """The highest paths that only this distribution has something below, each once."""
        owners, given = self._owners[number], set[str]()
        for path in found.paths:
            parts = path.rstrip("/").split("/")
            heads = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
            place = next((head for head in heads if owners[head] == {found.name}), heads[-1])
            if place not in given:
                given.add(place)
                yield place


def _owners(folder: FoundFolder) -> dict[str, set[str]]:
    """Path, and each folder above it → the metadata of the distributions that have it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for each in folder.distributions:
        for path in each.paths:
            parts = path.rstrip("/").split("/")
            for depth in range(len(parts)):
                found["/".join(parts[: depth + 1])].add(each.name)
    return found


def _is_told(name: str) -> bool:
    return name.endswith((*_METADATA, ".egg-link", ".pth", ".start")) or name == "EGG-INFO"


def _with_slash(name: str, kind: str) -> str:
    return f"{name}/" if kind == "package" else f"{name}/." if kind == "folder" else name


def _as_file(path: str) -> str:
    """A path as a file that tells what can be imported from it."""
    if path.endswith("/."):
        return f"{path[:-1]}a.txt"
    return f"{path}__init__.py" if path.endswith("/") else path


def _is_version(text: str) -> bool:
    if len(text) > LONGEST_REQUIREMENT or has_endless_number(text):
        return False
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_requirement(line: str) -> bool:
    if len(line) > LONGEST_REQUIREMENT or has_endless_number(line):
        return False
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True


def lines_of_egg(text: str) -> Iterator[str]:
    """The requirements of a `requires.txt` as metadata has them today."""
    extra = marker = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
        elif line and not line.startswith("#"):
            asked = [f"({marker.strip()})"] if marker.strip() else []
            asked += [f'extra == "{extra.strip()}"'] if extra.strip() else []
            yield f"{line} ; {' and '.join(asked)}" if asked and ";" not in line else line
