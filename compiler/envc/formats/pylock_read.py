"""Text to locks: PEP 751, with what the standard has no place for under `[tool.envc]`.

We read the locks of other tools: without `[tool.envc]` a lock has no inputs and no targets, and
holds for the machine that it is materialized on.
"""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageWheel,
    Pylock,
    PylockValidationError,
)
from packaging.utils import NormalizedName, parse_wheel_filename

from envc.errors import HashMissingError, SpecError
from envc.formats.pylock import LockEditable, LockTool
from envc.formats.toml import cut, parse_toml
from envc.formats.values import FormError, refuse_nul, value_of
from envc.model.digest import best_checksum, digest_from_hex, is_digest
from envc.model.lock import LOCK_FORMAT, UNSEEN, Lock, LockedPin, LockedWheel, Unusable
from envc.model.value import fields_of, replace

# Of a lock's `requires-python`, all packages together: of thousands, each has a line.
_MOST_OF_PYTHONS = 1 << 17
# What a marker asks of whoever installs, as it is written out: extras and groups.
_CHOICE = re.compile(r'"[^"]*" (?:not )?in (?:extras|dependency_groups)')


def lock_from_text(text: bytes, file: str, layer: str, command: str = "envc lock") -> Lock:
    """The lock that a file holds; `layer` names it where the file does not.

    `command` writes it anew, once it is removed: none overwrites a lock that it cannot read. An
    entry with a marker that envc could not install is an error only where the marker holds.

    Raises:
        SpecError: it is not a PEP 751 lock, newer than this envc, or pins something that is not
            a wheel with a hash.
    """
    mend = f"restore it, or remove it and run `{command}`"
    refuse_nul(text, file)
    data = parse_toml(text, file)
    _refuse_endless(data, file, mend)
    try:
        pylock = Pylock.from_dict(data)
    except PylockValidationError as error:
        what = cut(f"not a lock file (PEP 751): {error}")
        raise SpecError(what, where=file, mend=mend) from error
    if pylock.environments is not None and not pylock.environments:
        raise SpecError("it is for no machine at all", where=f"{file} (environments)", mend=mend)
    tool = _tool(pylock, file, mend)
    groups = frozenset(pylock.default_groups or ())
    pins: list[LockedPin] = []
    unusable: list[Unusable] = []
    for place, package in enumerate(pylock.packages):
        where = f"{file} (packages[{place}])"
        marker = _marker(package, where, groups, mend)
        try:
            pins.append(replace(_pin(package, where, is_own=tool is not None), marker=marker))
        except SpecError as error:
            if marker is None:
                raise
            unusable.append(Unusable(package.name, marker, *error.faults[0]))
    requires_python = str(pylock.requires_python) if pylock.requires_python is not None else None
    environments = tuple(str(marker) for marker in pylock.environments or ())
    told: dict[str, Any] = {"layer": layer}
    if tool is not None:
        told = {each.name: getattr(tool, each.name) for each in fields_of(tool)[1:]}
    return Lock(
        pins=tuple(pins),
        requires_python=requires_python,
        environments=environments,
        created_by=pylock.created_by,
        unusable=tuple(unusable),
        **told,
    )


def _refuse_endless(data: dict[str, Any], file: str, mend: str) -> None:
    """Refuse more of `requires-python` than anybody writes: each clause of it is dear to parse."""
    packages = data.get("packages")
    tables = [data, *(packages if isinstance(packages, list) else ())]
    texts = [each.get("requires-python") for each in tables if isinstance(each, dict)]
    if sum(len(text) for text in texts if isinstance(text, str)) > _MOST_OF_PYTHONS:
        raise SpecError("its requires-python has no end", where=file, mend=mend)


def _tool(pylock: Pylock, file: str, mend: str) -> LockTool | None:
    table: Any = (pylock.tool or {}).get("envc")
    if table is None:
        return None
    version = table.get("version") if isinstance(table, dict) else None
    if isinstance(version, int) and version > LOCK_FORMAT:
        raise SpecError(
            f"lock format {version} is newer than this envc, which reads {LOCK_FORMAT}",
            where=f"{file} (tool.envc.version)",
            mend="use a newer envc, or lock again with this one",
        )
    try:
        return value_of(LockTool, table, toml=True)
    except FormError as error:
        where = f"{file} (tool.envc.{error.where})" if error.where else f"{file} (tool.envc)"
        raise SpecError(f"not an envc lock: {error.what}", where=where, mend=mend) from error


def _pin(package: Package, where: str, *, is_own: bool) -> LockedPin:
    if package.directory is not None and package.directory.editable and package.tool:
        return _editable_pin(package, package.directory.path, where)
    wheels = _wheels(package, where, is_own=is_own)
    version = package.version or parse_wheel_filename(wheels[0].filename)[1]
    return LockedPin(
        project=package.name,
        version=str(version),
        wheels=wheels,
        requires_python=(
            str(package.requires_python) if package.requires_python is not None else None
        ),
        index=package.index,
        dependencies=_dependencies(package),
    )


def _wheels(package: Package, where: str, *, is_own: bool) -> tuple[LockedWheel, ...]:
    """The wheels that can be used; an archive that is a wheel is the only one.

    Of several wheels, those without a hash are left out: another one may be for this machine. A
    lock of envc's own has a sha256 of each.
    """
    named: list[tuple[str, PackageWheel | PackageArchive]] = []
    if package.archive is not None:
        archive = package.archive
        place = urlsplit(archive.url).path if archive.url is not None else archive.path or ""
        named = [(unquote(place.rpartition("/")[2]), archive)]
    named += [(wheel.filename, wheel) for wheel in package.wheels or ()]
    named = [(name, file) for name, file in named if name.endswith(".whl")]
    if not named:
        raise SpecError(
            f"{package.name} is pinned without a wheel; this envc installs wheels only",
            where=where,
            mend=f"lock it with wheels, or have `envc lock` build its wheel: name "
            f"{_requirement(package)!r} in the spec",
        )
    found: list[LockedWheel] = []
    missing: HashMissingError | None = None
    for name, file in named:
        try:
            found.append(_wheel(name, file, where, is_own=is_own))
        except HashMissingError as error:
            missing = missing or error
    if missing is not None and not found:
        raise missing
    return tuple(found)


def _requirement(package: Package) -> str:
    """The requirement that asks for what an entry names, as a spec may have it."""
    name, vcs, archive, directory = package.name, package.vcs, package.archive, package.directory
    if vcs is not None:
        place = f"{vcs.type}+{vcs.url or f'file://{vcs.path}'}@{vcs.commit_id}"
    elif archive is not None:
        place = archive.url or _relative(archive.path or "")
    elif directory is not None:
        place = _relative(directory.path)
    else:
        return name if package.version is None else f"{name}=={package.version}"
    folders = (each.subdirectory for each in (vcs, archive, directory) if each is not None)
    return f"{name} @ {place}{''.join(f'#subdirectory={each}' for each in folders if each)}"


def _relative(path: str) -> str:
    """A path as requirements have it: with a dot, unless it starts at the root."""
    return path if path.startswith((".", "/")) else f"./{path}"


def _marker(package: Package, where: str, groups: frozenset[str], mend: str) -> str | None:
    """The marker as it is without extras and with the default groups, if it has an answer.

    Whoever asks it later counts on that.
    """
    if package.marker is None:
        return None
    marker = without_choices(str(package.marker), frozenset(), groups)
    try:
        Marker(marker).evaluate(context="lock_file")
    except (ValueError, KeyError) as error:  # no order, no number that can be read, no such name
        raise SpecError(
            f"the marker of {package.name} has no answer", where=where, mend=mend
        ) from error
    return marker


def without_choices(marker: str, extras: frozenset[str], groups: frozenset[str]) -> str:
    """The marker of a lock's entry as it is for whoever installs these extras and groups."""

    def chosen(asked: re.Match[str]) -> str:
        choice = {"extras": extras, "dependency_groups": groups}
        holds = Marker(asked.group()).evaluate(choice, context="lock_file")
        return f'python_version {">=" if holds else "<"} "0"'

    return str(Marker(_CHOICE.sub(chosen, marker)))


def _dependencies(package: Package) -> tuple[NormalizedName, ...]:
    return tuple(
        NormalizedName(str(entry["name"]))
        for entry in package.dependencies or ()
        if "name" in entry
    )


def _editable_pin(package: Package, directory: str, where: str) -> LockedPin:
    try:
        table = value_of(LockEditable, (package.tool or {}).get("envc"), toml=True)
    except FormError as error:
        raise SpecError(
            f"{package.name} is an editable project, and this lock does not say which wheel "
            "leads to it",
            where=f"{where[:-1]}.tool.envc)",
            mend="lock it with envc",
        ) from error
    wheel = LockedWheel(
        filename=table.wheel.rpartition("/")[2],
        digest=table.digest,
        path=table.wheel,
        size_bytes=table.size,
    )
    return LockedPin(
        project=package.name,
        version=table.version,
        wheels=(wheel,),
        dependencies=_dependencies(package),
        directory=directory,
    )


def _wheel(
    filename: str, file: PackageWheel | PackageArchive, where: str, *, is_own: bool
) -> LockedWheel:
    hashes = {algorithm.lower(): digits for algorithm, digits in file.hashes.items()}
    digest = digest_from_hex(hashes.get("sha256", ""))
    checksum = None if "sha256" in hashes or is_own else best_checksum(hashes)
    if not is_digest(digest) and checksum is None:
        raise HashMissingError(
            f"{filename} has no sha256 hash", where=where, mend="lock again, with hashes"
        )
    if "/" in filename or filename.startswith("."):
        raise SpecError(f"{filename!r} is not a file name", where=where, mend="lock again")
    url, path = file.url, file.path if file.url is None else None
    if url is not None and urlsplit(url).scheme == "file":
        url, path = None, unquote(urlsplit(url).path)
    return LockedWheel(
        filename=filename,
        digest=digest if checksum is None else UNSEEN,
        checksum=checksum,
        url=url,
        path=path,
        size_bytes=file.size,
        upload_time=file.upload_time,
    )
