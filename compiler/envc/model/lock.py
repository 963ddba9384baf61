"""All pins of a layer for all targets, with hashes: what a `pylock.<layer>.toml` says."""

from dataclasses import dataclass
from datetime import datetime

from packaging.utils import NormalizedName

from envc.model.digest import Digest

LOCK_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWheel:
    """One wheel of a pin. Exactly one of `url` and `path` is set."""

    filename: str
    digest: Digest
    url: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    upload_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPin:
    """A release that the layer installs, on the targets that `marker` names (None: on all)."""

    project: NormalizedName
    version: str
    wheels: tuple[LockedWheel, ...]
    marker: str | None = None
    requires_python: str | None = None
    index: str | None = None
    dependencies: tuple[NormalizedName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedTarget:
    """A target as the lock records it."""

    name: str
    python_full: str
    platform: str
    libc: str
    cpu: str | None = None


@dataclass(frozen=True, slots=True)
class BaseReference:
    """The layer that a lock stands on and the closure digest it was made against."""

    layer: str
    closure: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock file's content. `pins` are in order of project, then version.

    `inputs` is the digest of everything the lock was made from, None in a lock that another tool
    wrote; so are `targets` empty there. Of the base's projects, the layer re-pins `shadows` (it
    asks for it) and `lifts` (to keep the rest consistent); `hides` are invisible above it: given
    up by its spec, or left inconsistent with nobody requiring them.
    """

    layer: str
    pins: tuple[LockedPin, ...]
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    targets: tuple[LockedTarget, ...] = ()
    inputs: Digest | None = None
    base: BaseReference | None = None
    shadows: tuple[NormalizedName, ...] = ()
    lifts: tuple[NormalizedName, ...] = ()
    hides: tuple[NormalizedName, ...] = ()
    created_by: str = "envc"

    def adds(self) -> tuple[NormalizedName, ...]:
        """The projects that the layer installs and its base does not have, in order."""
        replaced = {*self.shadows, *self.lifts}
        return tuple(sorted({pin.project for pin in self.pins} - replaced))
