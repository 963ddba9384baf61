"""Where overlays stand, whose they are, and what names one."""

import os
import re

from envc.disk.ownership import exposure, refuse_exposed
from envc.errors import UsageError, shell_word
from envc.host.storage import expanded, user_name
from envc.model.names import INVENTORY_FILE, NAME_FORM, OVERLAY_SPEC
from envc.sites.overlay_folder import holds_overlay
from envc.sites.place import SPEC_NAME, spec_in
from envc.target.opened import find_target, open_target


def overlay_spec(word: str, target: str | None) -> str:
    """The spec of the overlay that a word means (`_place`), its absolute path.

    Raises:
        UsageError: it is a name, and the user has no such overlay.
    """
    place = _place(word, target, new=False)
    if not os.path.exists(place) and not place.endswith(".toml"):
        raise _no_overlay(place)
    if os.path.basename(place) == SPEC_NAME or (_is_bare(place) and spec_in(place) is not None):
        raise _no_overlay(place.removesuffix(f"/{SPEC_NAME}"))
    return f"{place}/{OVERLAY_SPEC}" if os.path.isdir(place) else place


def overlay_folder(
    word: str | None, target: str | None, *, new: bool = False, packed: bool = False
) -> str:
    """The folder of the overlay that a word means (`_place`), None: of the user's own.

    A `new` one need not be there; `packed` lets a packed file through, which is no folder.

    Raises:
        UsageError: the user has no such overlay, or the word names another file.
    """
    if word is None:
        return default_folder(target)
    place = _place(word, target, new=new)
    if os.path.basename(place) == OVERLAY_SPEC:
        place = os.path.dirname(place)
    if not new and (not os.path.exists(place) or _is_bare(place)):
        raise _no_overlay(place)
    if os.path.isfile(place) and (place.endswith(".toml") or not packed):
        raise UsageError(
            f"this file is not the {OVERLAY_SPEC} of an overlay's folder",
            where=place,
            mend="name the folder that the overlay is built in",
        )
    return place


def _is_bare(place: str) -> bool:
    """Whether a folder has neither an overlay nor anything that was one."""
    has_spec = os.path.lexists(f"{place}/{OVERLAY_SPEC}")  # nearly always
    return not has_spec and os.path.isdir(place) and not holds_overlay(place)


def _no_overlay(place: str) -> UsageError:
    site = spec_in(place)
    if site is not None:
        return UsageError(
            "this folder holds a site, and no overlay",
            where=f"{place}/{site}",
            mend="name an overlay's folder, or make one: `envc overlay init NAME`; a site is "
            f"named with --site {shell_word(place)}",
        )
    if place.endswith(".toml"):
        return UsageError("there is no such file", where=place, mend="correct the path")
    return UsageError(
        "there is no overlay here" if os.path.isdir(place) else "there is no such overlay",
        where=place,
        mend=f"correct the path, or make it: `envc overlay init {shell_word(place)}`",
    )


def is_path(word: str) -> bool:
    """Whether a word can only be meant as a path: who says it names what is there, whose it is."""
    return "/" in word or word.endswith(".toml") or word in {os.curdir, os.pardir}


def is_on_described(folder: str) -> bool:
    """Whether the overlay in a folder stands on an environment that envc did not build."""
    return os.path.exists(f"{folder}/{INVENTORY_FILE}")


def refuse_strangers_overlay(folder: str, word: str | None) -> None:
    """Refuse to run what somebody else could have put where the caller's own overlay would be.

    `word` is what the caller said; one that is a path names the owner, too.

    Raises:
        UsageError: the folder is somebody else's, or others could change or replace it.
    """
    refuse_exposed(folder, named_owners(folder, word))


def named_owners(folder: str, word: str | None) -> tuple[int, ...]:
    """Whom the caller has named by the word that led to a folder; nobody, but by a path."""
    if word is not None and is_path(word) and os.path.exists(folder):
        return (os.stat(folder).st_uid,)
    return ()


def _place(word: str, target: str | None, *, new: bool) -> str:
    """The folder or the file that a word means.

    What has a slash, ends in `.toml`, or is an overlay's folder or a file here is a path; any
    other word is the name of an overlay of the user's own, in the site's storage.
    """
    if is_path(word) or os.path.isfile(word) or (os.path.isdir(word) and holds_overlay(word)):
        return os.path.abspath(word)
    if re.fullmatch(NAME_FORM, word) is None:
        raise UsageError(
            f"{word!r} cannot be an overlay's name: lower-case letters, digits, - and _",
            mend=f"correct it; a path has a slash: {shell_word(f'./{word}')}",
        )
    own = own_storage(target)
    if not new and not os.path.exists(f"{own}/{word}"):
        raise UsageError(
            f"you have no overlay {word!r}",
            where=own,
            mend=f"see `envc overlay list`, or make it with `envc overlay init {shell_word(word)}`",
        )
    return f"{own}/{word}"


def default_folder(target: str | None) -> str:
    """The folder of the user's own overlay: the nearest upwards, else in the site's storage.

    There it is called as the user is: lower case, other characters as dashes.

    Raises:
        UsageError: the site names no storage.
    """
    here = _nearest_overlay(os.getcwd())
    if here is not None:
        return here
    name = re.sub(r"[^a-z0-9_-]+", "-", user_name().lower()).strip("-_") or "overlay"
    return os.path.join(own_storage(target), name)


def _nearest_overlay(folder: str) -> str | None:
    """The nearest folder upwards in which an overlay stands; None: there is none.

    Above the folder itself one that others could have put there is passed over.
    """
    if holds_overlay(folder):
        return folder
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        if holds_overlay(folder) and exposure(folder) is None:
            return folder
    return None


def own_storage(target: str | None) -> str:
    """The folder of the user's own overlays in the site's storage."""
    return os.path.join(storage_of(target), user_name())


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
            mend="name the overlay's folder: --overlay ./FOLDER, or set overlays.storage in "
            "envc.toml",
        )
    return expanded(found.location.storage, f"{found.directory.path}/location.toml (storage)")
