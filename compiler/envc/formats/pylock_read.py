"""Text to locks: PEP 751, with what the standard has no place for under `[tool.envc]`.

We read the locks of other tools: without `[tool.envc]` a lock has no inputs and no targets, and
holds for the machine that it is materialized on.
"""

from collections.abc import Mapping
from typing import Any

from packaging.pylock import Package, PackageWheel, Pylock, PylockValidationError
from packaging.utils import NormalizedName
from pydantic import ValidationError

from envc.errors import HashMissingError, SpecError
from envc.formats.document import Table
from envc.formats.toml import parse_toml
from envc.model.digest import Digest, digest_from_hex, is_digest
from envc.model.lock import (
    LOCK_FORMAT,
    BaseReference,
    Lock,
    LockedBuild,
    LockedPin,
    LockedTarget,
    LockedWheel,
)

# `envc lock` reads the present lock first: it would not overwrite one that it cannot read.
_MEND = "restore it, or remove it and run `envc lock`"


class LockTargetTable(Table):
    """`[[tool.envc.targets]]`: a machine kind that the lock was made for."""

    name: str
    python_full: str
    platform: str
    libc: str
    cpu: str | None = None


class LockBaseTable(Table):
    """`[tool.envc.base]`: what an overlay's lock was made against."""

    layer: str
    closure: str


class LockBuildTable(Table):
    """`[[tool.envc.builds]]`: how a wheel that the lock carries was built."""

    wheel: str
    wheel_digest: str
    source: str
    source_digest: str
    requires: list[str]
    python_full: str
    requested: str = ""


class LockEditableTable(Table):
    """`[packages.tool.envc]` of an editable project: the wheel that leads to it."""

    version: str
    wheel: str
    digest: str
    size: int


class LockToolTable(Table):
    """`[tool.envc]` of a lock."""

    version: int
    layer: str
    inputs: str
    targets: list[LockTargetTable] = []
    base: LockBaseTable | None = None
    shadows: list[str] = []
    lifts: list[str] = []
    hides: list[str] = []
    builds: list[LockBuildTable] = []


def lock_from_text(text: bytes, file: str, layer: str) -> Lock:
    """The lock that a file holds; `layer` names it where the file does not.

    Raises:
        SpecError: it is not a PEP 751 lock, newer than this envc, or pins something that is not
            a wheel with a sha256.
    """
    data = parse_toml(text, file)
    try:
        pylock = Pylock.from_dict(data)
        tool = _tool_table(pylock, file)
    except PylockValidationError as error:
        raise SpecError(f"not a lock file (PEP 751): {error}", where=file, mend=_MEND) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, ("tool", "envc", *first["loc"])))
        raise SpecError(
            f"not an envc lock: {first['msg']}", where=f"{file} ({key})", mend=_MEND
        ) from error
    pins = tuple(
        _pin(package, f"{file} (packages[{i}])") for i, package in enumerate(pylock.packages)
    )
    requires_python = str(pylock.requires_python) if pylock.requires_python is not None else None
    environments = tuple(str(marker) for marker in pylock.environments or ())
    if tool is None:
        return Lock(
            layer=layer,
            pins=pins,
            requires_python=requires_python,
            environments=environments,
            created_by=pylock.created_by,
        )
    return Lock(
        layer=tool.layer,
        pins=pins,
        requires_python=requires_python,
        environments=environments,
        targets=tuple(LockedTarget(**target.model_dump()) for target in tool.targets),
        inputs=_digest(tool.inputs, f"{file} (tool.envc.inputs)"),
        base=None
        if tool.base is None
        else BaseReference(
            tool.base.layer, _digest(tool.base.closure, f"{file} (tool.envc.base.closure)")
        ),
        shadows=tuple(map(NormalizedName, tool.shadows)),
        lifts=tuple(map(NormalizedName, tool.lifts)),
        hides=tuple(map(NormalizedName, tool.hides)),
        builds=tuple(
            _build(build, f"{file} (tool.envc.builds[{number}])")
            for number, build in enumerate(tool.builds)
        ),
        created_by=pylock.created_by,
    )


def _build(table: LockBuildTable, where: str) -> LockedBuild:
    return LockedBuild(
        wheel=table.wheel,
        wheel_digest=_digest(table.wheel_digest, where),
        source=table.source,
        source_digest=_digest(table.source_digest, where),
        requires=tuple(table.requires),
        python_full=table.python_full,
        requested=table.requested,
    )


def _tool_table(pylock: Pylock, file: str) -> LockToolTable | None:
    table: Mapping[str, Any] | None = (pylock.tool or {}).get("envc")
    if table is None:
        return None
    version = table.get("version") if isinstance(table, dict) else None
    if isinstance(version, int) and version > LOCK_FORMAT:
        raise SpecError(
            f"lock format {version} is newer than this envc, which reads {LOCK_FORMAT}",
            where=f"{file} (tool.envc.version)",
            mend="use a newer envc, or lock again with this one",
        )
    return LockToolTable.model_validate(table)


def _digest(text: str, where: str) -> Digest:
    if not is_digest(text):
        raise SpecError(f"{text!r} is not a sha256 digest", where=where, mend=_MEND)
    return Digest(text)


def _pin(package: Package, where: str) -> LockedPin:
    if package.directory is not None and package.directory.editable and package.tool:
        return _editable_pin(package, package.directory.path, where)
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
        marker=_marker(package, where),
        requires_python=(
            str(package.requires_python) if package.requires_python is not None else None
        ),
        index=package.index,
        dependencies=_dependencies(package),
    )


def _marker(package: Package, where: str) -> str | None:
    """The marker, if it has an answer: whoever asks it later counts on that."""
    if package.marker is None:
        return None
    try:
        package.marker.evaluate(context="lock_file")
    except (ValueError, KeyError) as error:  # no order, no number that can be read, no such name
        raise SpecError(
            f"the marker of {package.name} has no answer", where=where, mend=_MEND
        ) from error
    return str(package.marker)


def _dependencies(package: Package) -> tuple[NormalizedName, ...]:
    return tuple(
        NormalizedName(str(entry["name"]))
        for entry in package.dependencies or ()
        if "name" in entry
    )


def _editable_pin(package: Package, directory: str, where: str) -> LockedPin:
    try:
        table = LockEditableTable.model_validate((package.tool or {}).get("envc"))
    except ValidationError as error:
        raise SpecError(
            f"{package.name} is an editable project, and this lock does not say which wheel "
            "leads to it",
            where=f"{where[:-1]}.tool.envc)",
            mend="lock it with envc",
        ) from error
    wheel = LockedWheel(
        filename=table.wheel.rpartition("/")[2],
        digest=_digest(table.digest, where),
        path=table.wheel,
        size_bytes=table.size,
    )
    return LockedPin(
        project=package.name,
        version=table.version,
        wheels=(wheel,),
        marker=_marker(package, where),
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
