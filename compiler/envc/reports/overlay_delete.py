"""What `envc overlay delete --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class DeletedOverlay:
    """What was removed of an overlay, or (with `dry_run`) would be; `left` stays in its folder."""

    folder: str
    dry_run: bool
    removed: tuple[str, ...]
    left: tuple[str, ...]
