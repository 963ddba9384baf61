"""What `envc lock --json` prints."""

from envc.model.digest import Digest
from envc.model.value import field, value
from envc.reports.change import Move


@value(kw_only=True)
class LockedLayer:
    """A lock as it is now: `pins` are those of every target, differing ones stand in `targets`.

    `built` are the file names of the wheels that were built for it, and stand in its wheelhouse.
    `moves` are the releases that are others than by the lock before, or than the base's.
    """

    path: str
    digest: Digest
    changed: bool
    pins: dict[str, str]
    targets: dict[str, dict[str, str]] = field(default_factory=dict)
    shadows: tuple[str, ...] = ()
    lifts: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()


@value(kw_only=True)
class LockReport:
    """What `envc lock` did.

    `removed` are wheels that were carried, and no lock names any more, and the files of another
    tool's pins that are in locks now.
    """

    changed: bool
    layers: dict[str, LockedLayer]
    removed: tuple[str, ...] = ()
