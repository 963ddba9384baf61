"""Text to locks: PEP 751, with what the standard has no place for under `[tool.envc]`.

We read the locks of other tools: without `[tool.envc]` a lock has no inputs and no targets, and
holds for the machine that it is materialized on.
"""

from typing import Any

from packaging.pylock import Package, PackageWheel, Pylock, PylockValidationError
from packaging.utils import NormalizedName

from envc.errors import HashMissingError, SpecError
from envc.formats.pylock import LockEditable, LockTool
from envc.formats.toml import parse_toml
from envc.formats.values import FormError, value_of
from envc.model.digest import digest_from_hex, is_digest
from envc.model.lock import LOCK_FORMAT, Lock, LockedPin, LockedWheel
from envc.model.value import fields_of


def lock_from_text(text: bytes, file: str, layer: str, command: str = "envc lock") -> Lock:
    """The lock that a file holds; `layer` names it where the file does not.

    `command` writes it anew, once it is removed: none overwrites a lock that it cannot read.

    Raises:
        SpecError: it is not a PEP 751 lock, newer than this envc, or pins something that is not
            a wheel with a sha256.
    """
    mend = f"restore it, or remove it and run `{command}`"
    try:
        pylock = Pylock.from_dict(parse_toml(text, file))
    except PylockValidationError as error:
        raise SpecError(f"not a lock file (PEP 751): {error}", where=file, mend=mend) from error
    tool = _tool(pylock, file, mend)
    pins = tuple(
        _pin(package, f"{file} (packages[{i}])", mend) for i, package in enumerate(pylock.packages)
    )
    requires_python = str(pylock.requires_python) if pylock.requires_python is not None else None
    environments = tuple(str(marker) for marker in pylock.environments or ())
    told: dict[str, Any] = {"layer": layer}
    if tool is not None:
        told = {each.name: getattr(tool, each.name) for each in fields_of(tool)[1:]}
    return Lock(
        pins=pins,
        requires_python=requires_python,
        environments=environments,
        created_by=pylock.created_by,
        **told,
    )


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


def _pin(package: Package, where: str, mend: str) -> LockedPin:
    if package.directory is not None and package.directory.editable and package.tool:
        return _editable_pin(package, package.directory.path, where, mend)
    if not package.wheels or package.version is None:
        raise SpecError(
            f"{package.name} is pinned without a wheel; this envc installs wheels only",
            where=where,
            mend="lock it with wheels",
        )
    return LockedPin(
        project=package.name,
        version=str(package.version),
        wheels=tuple(_wheel(wheel, where) for wheel in package.wheels),
        marker=_marker(package, where, mend),
        requires_python=(
            str(package.requires_python) if package.requires_python is not None else None
        ),
        index=package.index,
        dependencies=_dependencies(package),
    )


def _marker(package: Package, where: str, mend: str) -> str | None:
    """The marker, if it has an answer: whoever asks it later counts on that."""
    if package.marker is None:
        return None
    try:
        package.marker.evaluate(context="lock_file")
    except (ValueError, KeyError) as error:  # no order, no number that can be read, no such name
        raise SpecError(
            f"the marker of {package.name} has no answer", where=where, mend=mend
        ) from error
    return str(package.marker)


def _dependencies(package: Package) -> tuple[NormalizedName, ...]:
    return tuple(
        NormalizedName(str(entry["name"]))
        for entry in package.dependencies or ()
        if "name" in entry
    )


def _editable_pin(package: Package, directory: str, where: str, mend: str) -> LockedPin:
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
        marker=_marker(package, where, mend),
        dependencies=_dependencies(package),
        directory=directory,
    )


def _wheel(wheel: PackageWheel, where: str) -> LockedWheel:
    hexadecimal = wheel.hashes.get("sha256", "")
    digest = digest_from_hex(hexadecimal)
    if not is_digest(digest):
        raise HashMissingError(
            f"{wheel.filename} has no sha256 hash", where=where, mend="lock again, with hashes"
        )
    if "/" in wheel.filename or wheel.filename.startswith("."):
        raise SpecError(f"{wheel.filename!r} is not a file name", where=where, mend="lock again")
    return LockedWheel(
        filename=wheel.filename,
        digest=digest,
        url=wheel.url,
        path=None if wheel.url is not None else wheel.path,
        size_bytes=wheel.size,
        upload_time=wheel.upload_time,
    )
