"""The context of a command: what surrounds it, and its site."""

import os
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments
from envc.host.context import Context
from envc.ports import REPORTER

if TYPE_CHECKING:
    from envc.sites.site import Site


def context_of(arguments: Arguments) -> Context:
    """The context that the options describe."""
    return Context(REPORTER.get(), offline=getattr(arguments, "offline", False))


def site_of(arguments: Arguments) -> "Site":
    """The site that `--site` names, else the nearest one upwards, else what a target keeps."""
    from envc.errors import UsageError
    from envc.sites.place import find_site
    from envc.sites.site import load_site

    described = _described_site(arguments)
    if described is not None:
        return described
    try:
        folder, name = find_site(arguments.site)
    except UsageError:
        target = recorded_target(arguments) or os.environ.get("ENVC_TARGET")
        if arguments.site is not None or not target:
            raise
        return site_of_target(target)
    return load_site(folder, name)


def _described_site(arguments: Arguments) -> "Site | None":
    """The site of the one overlay that is named, where that stands on no layer of a site."""
    several: tuple[str, ...] = tuple(getattr(arguments, "overlays", None) or ())
    several += tuple(getattr(arguments, "specs", None) or ())
    word: str | None = getattr(arguments, "overlay", None)
    word = several[0] if len(several) == 1 else word
    if word is None or arguments.site is not None:
        return None
    from envc.overlays.places import is_on_described, is_path

    path = os.path.abspath(word)
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if not (is_path(word) or os.path.isdir(path)) or not is_on_described(folder):
        return None
    from envc.sites.described import site_beside

    return site_beside(folder)


def site_of_target(target: str) -> "Site":
    """The copy of its site that a target keeps."""
    from envc.target.opened import open_target

    return open_target(target).site


def recorded_target(arguments: Arguments) -> str | None:
    """The target that `--target` names, or that the overlay recorded."""
    target: str | None = getattr(arguments, "target", None)
    if target is not None or getattr(arguments, "overlay", None) is None:
        return target
    from envc.overlays.places import overlay_spec
    from envc.target import opened

    return opened.recorded_target(os.path.dirname(overlay_spec(arguments.overlay, None)))
