"""A base that envc did not build and that is not as it was described: loaded for those alone."""

import os
import sys
from itertools import repeat

from _envc_refusals import fail, say, shell_word  # type: ignore[import-not-found] # it stands beside
from _envc_stack import HERE, parent, read_layers  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envc.runtime._envc_stack import Layer

# The names that tell one state of a folder from another, as `envc describe` takes them.
TOLD = (".dist-info", ".egg-info", ".egg", ".pth", ".egg-link", ".start")
MOST_SHOWN = 8


def look(base: "Layer", overlay: "Layer", names: str, *, is_warned: bool) -> None:
    """Go on where the names of a folder's metadata are those that were described.

    Else end the process, or say what changed and go on.
    """
    from hashlib import sha256

    try:
        present = sorted(name for name in os.listdir(base.folder) if name.endswith(TOLD))
    except OSError as error:
        refuse_absent(base, overlay, error.strerror or "")
        return
    digest = sha256("\n".join(present).encode(errors="surrogateescape")).hexdigest()
    if f"sha256:{digest}" == names:
        return
    what = (
        f"{overlay.prefix()}: the base that {called(overlay)} was compiled for has"
        f" changed: {base.folder}"
    )
    facts = changes(base, overlay, present)
    common = common_layers(overlay)
    mend = f"{sync(overlay)} compiles the overlay for what is there now"
    if common:
        mend = (
            f"the administrator of {common[0].target} describes it anew, locks, and materializes"
            " (`envc describe`, `envc lock`, `envc materialize`)"
        )
    if not is_warned:
        if not overlay.subdirectory:
            mend += '; with changed-base = "warn" in its overlay.toml it starts nevertheless'
        fail(what, mend, *facts)
    leave_out_absent(base, present)
    say(what, mend, *facts)


def leave_out_absent(base: "Layer", present: list[str]) -> None:
    """Take the projects whose metadata is not there any more from what the base is told to have."""
    fields = iter(base.fields("distributions"))
    pairs = zip(fields, fields, strict=True)
    stays = [field for pair in pairs if pair[1] in present for field in pair]
    base.told["distributions"] = "\t".join(stays)


def refuse_absent(base: "Layer", overlay: "Layer", why: str) -> None:
    """End the process: a folder of the base is not there."""
    fail(
        f"{overlay.prefix()}: the base that {called(overlay)} was compiled for is not"
        f" here: {base.location} ({why})",
        "go where it is"
        if common_layers(overlay)
        else f"go where it is; or {sync(overlay)}, which looks at the base anew",
    )


def called(overlay: "Layer") -> str:
    """What people call the layer of a tree."""
    return f"the {'layer' if overlay.subdirectory else 'overlay'} {overlay.name!r}"


class Common:
    """A common layer among those of a tree: the target it is of, and where its site's files are."""

    def __init__(self, target: str, files: str) -> None:
        self.target = target
        self.files = files


def common_layers(overlay: "Layer") -> list[Common]:
    """The common layers that a tree consists of, its own first; none of a user without a site."""
    own = parent(overlay.generation(), 2)
    found = [Common(own, f"{overlay.generation()}/site")] if overlay.subdirectory else []
    for base in read_layers(overlay.folder)[1:]:
        if base.subdirectory:
            place = own if base.location == HERE else base.location
            digest = base.closure.rpartition(":")[2]
            found.append(Common(place, f"{place}/by-lock/{digest}/site"))
    return found


def sync(overlay: "Layer") -> str:
    """The command that compiles an overlay anew."""
    folder = overlay.stable_prefix() if overlay.closure else overlay.prefix()
    return f"`envc overlay sync --dir {shell_word(folder)}`"


def changes(base: "Layer", overlay: "Layer", present: list[str]) -> list[str]:
    """What came and went; nothing where nobody knows what was there."""
    before = next(filter(None, map(names_in, inventories(overlay), repeat(base.location))), None)
    if before is None:
        return []
    ends = (".dist-info", ".egg-info")
    gone = sorted(name for name in before if name not in present)
    new = sorted(name for name in present if name not in before and name.endswith(ends))
    said = [f"gone: {name}" for name in gone] + [f"new: {name}" for name in new]
    more = [f"and {len(said) - MOST_SHOWN} more"] if len(said) > MOST_SHOWN else []
    return said[:MOST_SHOWN] + more


def inventories(overlay: "Layer") -> "Iterator[str]":
    """The files that may tell what a described base held."""
    folders = [f"{overlay.generation()}/site", *(each.files for each in common_layers(overlay))]
    for folder in dict.fromkeys(folders):
        try:
            yield from (f"{folder}/{n}" for n in sorted(os.listdir(folder)) if n.endswith(".json"))
        except OSError:
            continue


def names_in(inventory: str, folder: str) -> "set[str] | None":
    """The names of metadata and start-up files that a folder had; None: it does not tell."""
    import json

    try:
        with open(inventory, "rb") as file:
            told = json.load(file)
        (number,) = (n for n, each in enumerate(told["folders"]) if each["path"] == folder)
        kinds = (*told["distributions"], *told["unowned"])
        own = [each for each in kinds if each["folder"] == number]
        before = {each["metadata"] for each in own if "metadata" in each}
        return before | {name for each in own for name in each["start_files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def leave_to_stack(bases: "list[Layer]") -> None:
    """Take the entries of PYTHONPATH that are folders of the stack from the front of `sys.path`.

    The stack has them behind its own layer. Whatever else the variable names stays where it is.
    """
    known = {base.inode for base in bases if base.identity}
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        place = os.path.abspath(entry)
        try:
            status = os.stat(place)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in known:
            names = {entry, place, os.path.realpath(place)}
            sys.path[:] = [path for path in sys.path if path not in names]
