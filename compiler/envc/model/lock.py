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
    wrote; so are `targets` empty there. `hides` are base projects that are invisible above this
    layer: given up by its spec, or left without anything that requires them consistently.
    """

    layer: str
    pins: tuple[LockedPin, ...]
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    targets: tuple[LockedTarget, ...] = ()
    inputs: Digest | None = None
    base: BaseReference | None = None
    hides: tuple[NormalizedName, ...] = ()
    created_by: str = "envc"
