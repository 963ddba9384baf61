"""What `envc uninstall --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class UninstallReport:
    """What was removed, or (with `dry_run`) would be; `left` is not envc's, and stays.

    `overlays` are the folders of those in the storage that stand on it.
    """

    target: str
    dry_run: bool
    removed: tuple[str, ...]
    left: tuple[str, ...]
    overlays: tuple[str, ...] = ()
