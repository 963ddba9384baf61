"""`envc overlay sync`: an overlay as its spec says, on the base that its target has now."""

import os

from envc.host.context import Context
from envc.overlays.options import OverlayOptions
from envc.overlays.unchanged import unchanged
from envc.reports.overlay import OverlayReport


def sync(options: OverlayOptions, context: Context) -> OverlayReport:
    """The overlay, locked and built where anything of it has changed.

    Raises:
        UsageError: the folder is somebody else's, or no target is known.
        UnsatisfiableError: there is no solution.
        OutsideError: an index or the disk failed, or it does not fit; all is as it was.
        UntrustedError: a wheel is not what the lock says.
    """
    found = unchanged(os.path.abspath(options.folder), options.target)
    if found is not None:
        return found
    from envc.overlays import edit  # where nothing is to be done nothing is parsed

    return edit.sync(options, context)
