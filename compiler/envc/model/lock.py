"""All pins of a layer for all targets, with hashes: what a `pylock.<layer>.toml` says."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from packaging.utils import NormalizedName

from envc.model.digest import Digest, SureDigest
from envc.model.target import Target
from envc.model.value import value

LOCK_FORMAT = 1
# The digest of a file whose lock has another hash of it.
UNSEEN = Digest("")


@value(kw_only=True)
class LockedWheel:
    """One wheel of a pin. Exactly one of `url` and `path` is set.

    Where another tool's lock gives no sha256, `digest` is `UNSEEN` until somebody has looked at the
    file, and `checksum` is what it must have: an algorithm, a colon, digits.
    """

    filename: str
    digest: Digest
    url: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    upload_time: datetime | None = None
    checksum: str | None = None


@value(kw_only=True)
class LockedBuild:
    """How a wheel of the lock was built: from which source, with what, by which Python.

    `wheel` is its file name and `source` the source's URL, each with its digest; `requires` are
    the pins of the build's requirements, in order. `requested` is the repository and reference
    that the spec names, where `source` is the commit that was meant.
    """

    wheel: str
    wheel_digest: SureDigest
    source: str
    source_digest: SureDigest
    requires: tuple[str, ...]
    python_full: str
    requested: str = ""


@value(kw_only=True)
class LockedPin:
    """A release that the layer installs, on the targets that `marker` names (None: on all).

    An editable project's `directory` is where it stands; its one wheel only leads there.
    """

    project: NormalizedName
    version: str
    wheels: tuple[LockedWheel, ...]
    marker: str | None = None
    requires_python: str | None = None
    index: str | None = None
    dependencies: tuple[NormalizedName, ...] = ()
    directory: str | None = None

    def holds_on(self, markers: Mapping[str, str]) -> bool:
        """Whether it is one for machines where markers evaluate so."""
        return self.marker is None or _holds(self.marker, markers)


@value
class Unusable:
    """An entry of another tool's lock that envc cannot install: an error where its marker holds."""

    project: NormalizedName
    marker: str
    what: str
    where: str
    mend: str

    def holds_on(self, markers: Mapping[str, str]) -> bool:
        """Whether it is one for machines where markers evaluate so."""
        return _holds(self.marker, markers)


@value
class BaseReference:
    """The layer that a lock stands on and the closure digest it was made against."""

    layer: str
    closure: SureDigest


@value(kw_only=True)
class Lock:
    """A lock file's content. `pins` are in order of project, then version.

    `inputs` is the digest of everything the lock was made from, None in a lock that another tool
    wrote; so are `targets` empty there. Of the base's projects, the layer re-pins `shadows` (it
    asks for it) and `lifts` (to keep the rest consistent); `hides` are invisible above it: given
    up by its spec, or left inconsistent with nobody requiring them. `builds` tell of the wheels
    that were built for it, in order of file name. `unusable` are another tool's entries that are
    for some machines only, and that envc could not install there.
    """

    layer: str
    pins: tuple[LockedPin, ...]
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    inputs: Digest | None = None
    base: BaseReference | None = None
    shadows: tuple[NormalizedName, ...] = ()
    lifts: tuple[NormalizedName, ...] = ()
    hides: tuple[NormalizedName, ...] = ()
    builds: tuple[LockedBuild, ...] = ()
    created_by: str = "envc"
    unusable: tuple[Unusable, ...] = ()

    def adds(self) -> tuple[NormalizedName, ...]:
        """The projects that the layer installs and its base does not have, in order."""
        replaced = {*self.shadows, *self.lifts}
        return tuple(sorted({pin.project for pin in self.pins} - replaced))


def _holds(marker: str, markers: Mapping[str, str]) -> bool:
    from packaging.markers import Marker  # few pins have one

    return Marker(marker).evaluate({**markers}, context="lock_file")


class LockState(Enum):
    """How an overlay's lock stands to its spec and to the present base."""

    FRESH = "fresh"
    STALE = "stale"
    OTHER_BASE = "other base"
    MISSING = "missing"
