"""What `envc overlay collect --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class CollectedOverlay:
    """An overlay that was copied: where to in the site, and whether that changed anything."""

    name: str
    owner: str
    spec: str
    locked: bool
    changed: bool


@value(kw_only=True)
class CollectedOverlays:
    """What was copied, in order of owner and name; what was left out and why; what is gone.

    `gone` are folders of the site whose overlay is in the storage no more; with `pruned` they were
    removed.
    """

    storage: str
    overlays: tuple[CollectedOverlay, ...]
    left_out: dict[str, str]
    gone: tuple[str, ...]
    pruned: bool
