"""Overlays' specs among a site's files: found, whose they are, and what stands beside them."""

import glob
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

from envc.disk.digests import known_digest
from envc.disk.ownership import name_of_user
from envc.errors import EnvcError
from envc.model.digest import Digest
from envc.model.names import OVERLAY_SPEC
from envc.model.spec import OverlaySpec
from envc.sites.place import MOST_OF_A_LOCK
from envc.sites.site import Site, load_overlay, overlay_lock_path

# Where a site has the overlays that were collected from its users: <user>/<name>/overlay.toml
COLLECTED = "overlays"

# Path → digest of its content, None where it is not there or cannot be read.
Files: TypeAlias = "tuple[tuple[str, Digest | None], ...]"


def specs_of(site: Site) -> Iterator[str]:
    """The files that the site's globs name, in order, each once."""
    found: set[str] = set()
    for pattern in site.spec.overlays.specs:
        where = os.path.join(site.origin, os.path.expandvars(pattern))
        found |= {os.path.abspath(path) for path in glob.glob(where, recursive=True)}
    yield from sorted(path for path in found if not os.path.basename(path).startswith("pylock."))


def locks_of_overlays(site: Site) -> set[str]:
    """Where the locks of overlays stand whose specs are in the site's folder, or are the site's."""
    beside = glob.glob(f"{glob.escape(site.folder)}/*.toml")
    found: set[str] = set()
    for path in {*beside, *specs_of(site)}:
        with suppress(EnvcError):
            found.add(overlay_lock_path(load_overlay(path)))
    return found


def owner_of(path: str) -> str:
    """The user whose file this is: the name, else the number; empty where it cannot be told."""
    try:
        return name_of_user(os.stat(path).st_uid)
    except OSError:
        return ""


def owner_in(site: Site, path: str) -> str:
    """Whose overlay has its spec at this path: of one that was collected its folder tells.

    A repository knows nobody's files, and in CI all are of one user.
    """
    collected = collected_as(site, path)
    return owner_of(path) if collected is None else collected[0]


def collected_as(site: Site, path: str) -> tuple[str, str] | None:
    """User and name of the overlay whose spec was collected to this path; None: none was."""
    for folder in (site.folder, site.origin):
        match os.path.relpath(path, f"{folder}/{COLLECTED}").split("/"):
            case [user, overlay, name] if user != ".." and name == OVERLAY_SPEC:
                return user, overlay
    return None


def files_beside(spec: OverlaySpec) -> Files:
    """What decides the verdict on an overlay beside its spec and the site."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    paths = [overlay_lock_path(spec), f"{folder}/current/manifest.json"]
    return tuple((path, known_digest(path, MOST_OF_A_LOCK)) for path in paths)
