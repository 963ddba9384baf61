"""Where overlays stand, and whose they are."""

import os
import re

from envc.errors import UsageError
from envc.host.storage import expanded, user_name
from envc.sites.overlay_folder import holds_overlay
from envc.target.opened import find_target, open_target


def storage_of(target: str | None) -> str:
    """The site's storage for overlays, found through the target; no checkout is needed.

    Raises:
        UsageError: the site names none, or by a variable that is not set; or no target is known.
    """
    found = open_target(find_target(target, None))
    if found.location.storage is None:
        raise UsageError(
            f"site {found.location.site} names no storage for overlays",
            where=found.directory.path,
            mend="name the overlay's folder with --dir, or set overlays.storage in envc.toml",
        )
    return expanded(found.location.storage, f"{found.directory.path}/location.toml (storage)")


def own_storage(target: str | None) -> str:
    """The folder of the user's own overlays in the site's storage."""
    return os.path.join(storage_of(target), user_name())


def default_folder(name: str | None, target: str | None) -> str:
    """Where an overlay stands when nobody says: here if here is one, else in the site's storage.

    Raises:
        UsageError: the site names no storage.
    """
    if name is None and holds_overlay(os.getcwd()):
        return os.getcwd()
    return os.path.join(own_storage(target), name or default_name())


def default_name() -> str:
    """An overlay's name from the user's: lower case, other characters as dashes."""
    return re.sub(r"[^a-z0-9_-]+", "-", user_name().lower()).strip("-_") or "overlay"
