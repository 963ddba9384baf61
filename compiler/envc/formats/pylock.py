"""Locks to text: PEP 751, with what the standard has no place for under `[tool.envc]`.

Other tools read our common locks. How locks are read: `pylock_read`. A lock is laid out as tomli_w
lays it out; it takes a tenth of the time of a whole run for that, so that what makes up nearly all
of a lock, the packages with their wheels, is put down here.
"""

import re
from collections.abc import Mapping
from typing import Any

import tomli_w
from packaging.utils import NormalizedName

from envc.formats.toml import toml_of
from envc.model.digest import SureDigest, hex_of
from envc.model.lock import LOCK_FORMAT, BaseReference, Lock, LockedBuild, LockedPin
from envc.model.target import Target
from envc.model.value import fields_of, value

# What a basic string may not hold as it is. Source: TOML 1.0, String.
_ODD = re.compile(r'["\\\x00-\x08\x0a-\x1f\x7f]')
# A longer name than this and tomli_w gives each dependency a table of its own.
_LONGEST_INLINE_NAME = 82


@value(kw_only=True)
class LockTool:
    """`[tool.envc]` of a lock."""

    version: int
    layer: str
    inputs: SureDigest
    base: BaseReference | None = None
    shadows: tuple[NormalizedName, ...] = ()
    lifts: tuple[NormalizedName, ...] = ()
    hides: tuple[NormalizedName, ...] = ()
    targets: tuple[Target, ...] = ()
    builds: tuple[LockedBuild, ...] = ()


@value(kw_only=True)
class LockEditable:
    """`[packages.tool.envc]` of an editable project: the wheel that leads to it."""

    version: str
    wheel: str
    digest: SureDigest
    size: int


def lock_to_text(lock: Lock) -> bytes:
    """The lock as the bytes of its file; equal locks give equal bytes."""
    tables: dict[str, Any] = {"lock-version": "1.0"}
    if lock.environments:
        tables["environments"] = list(lock.environments)
    if lock.requires_python is not None:
        tables["requires-python"] = lock.requires_python
    tables["created-by"] = lock.created_by
    if not lock.pins:
        tables["packages"] = []
    parts = [tomli_w.dumps(tables), *(_package_text(_package(pin)) for pin in lock.pins)]
    if lock.inputs is not None:
        told = {each.name: getattr(lock, each.name) for each in fields_of(LockTool)[1:]}
        tool = LockTool(version=LOCK_FORMAT, **told)
        parts.append(tomli_w.dumps({"tool": {"envc": toml_of(tool)}}))
    return "\n".join(parts).encode()


def _package_text(package: Mapping[str, Any]) -> str:
    """A package's table, and those of its wheels."""
    names = [dependency["name"] for dependency in package.get("dependencies", ())]
    if "wheels" not in package or any(len(name) > _LONGEST_INLINE_NAME for name in names):
        return tomli_w.dumps({"packages": [package]})
    lines = ["[[packages]]"]
    for key, given in package.items():
        if key == "dependencies":
            lines += [f"{key} = [", *(f"    {{ name = {_literal(name)} }}," for name in names), "]"]
        elif key != "wheels":
            lines.append(f"{key} = {_literal(given)}")
    for wheel in package["wheels"]:
        lines += ["", "[[packages.wheels]]"]
        lines += [f"{key} = {_literal(given)}" for key, given in wheel.items() if key != "hashes"]
        lines += ["", "[packages.wheels.hashes]"]
        lines += [f"{key} = {_literal(given)}" for key, given in wheel["hashes"].items()]
    return "\n".join([*lines, ""])


def _literal(value: Any) -> str:
    """A text, a number or a moment."""
    if not isinstance(value, str):
        return str(value)
    if _ODD.search(value):
        return tomli_w.dumps({"_": value}).removeprefix("_ = ").removesuffix("\n")
    return f'"{value}"'


def _package(pin: LockedPin) -> dict[str, Any]:
    if pin.directory is not None:
        return _editable_package(pin, pin.directory)
    return _present(
        name=pin.project,
        version=pin.version,
        marker=pin.marker,
        requires_python=pin.requires_python,
        dependencies=[{"name": project} for project in pin.dependencies] or None,
        index=pin.index,
        wheels=[
            _present(
                name=wheel.filename,
                url=wheel.url,
                path=wheel.path,
                upload_time=wheel.upload_time,
                size=wheel.size_bytes,
                hashes={"sha256": hex_of(wheel.digest)},
            )
            for wheel in pin.wheels
        ],
    )


def _editable_package(pin: LockedPin, directory: str) -> dict[str, Any]:
    """A project where it stands. It has no version there, as its source may change (PEP 751)."""
    (wheel,) = pin.wheels
    built = LockEditable(
        version=pin.version, wheel=wheel.path or "", digest=wheel.digest, size=wheel.size_bytes or 0
    )
    return _present(
        name=pin.project,
        marker=pin.marker,
        dependencies=[{"name": project} for project in pin.dependencies] or None,
        directory={"path": directory, "editable": True},
        tool={"envc": toml_of(built)},
    )


def _present(**values: Any) -> dict[str, Any]:
    """The values that are not None, under their keys in kebab case."""
    return {key.replace("_", "-"): value for key, value in values.items() if value is not None}
