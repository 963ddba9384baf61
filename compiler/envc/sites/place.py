"""Where the site is: the nearest folder upwards that has a spec."""

import errno
import os
from collections.abc import Iterable, Iterator

from envc.disk.digests import bytes_of, known_bytes
from envc.disk.durable import disk_error
from envc.disk.ownership import exposure
from envc.errors import EnvcError, UsageError, shell_word

SPEC_NAME = "envc.toml"
# What people write by hand; and what is made of that.
MOST_OF_A_SPEC, MOST_OF_A_LOCK = 1 << 20, 1 << 26
# Of an overlay, which a check reads although its user may have meant to hold it up.
MOST_OF_AN_OVERLAYS_LOCK = 1 << 20


def find_site(given: str | None) -> tuple[str, str]:
    """The folder and the name of the site's spec.

    Raises:
        UsageError: `given` has none, or no folder upwards has one.
    """
    start = os.path.abspath(given or os.getcwd())
    found = nearest_site([start] if given is not None else upwards(start))
    if found is not None:
        if given is None:
            _refuse_strangers(found[0])
        return found
    if given is not None:
        raise UsageError(
            "no envc.toml, and no pyproject.toml with [tool.envc], in this folder",
            where=start,
            mend="name a site's folder with --site, or start one with `envc init`",
        )
    raise UsageError(
        "no site here: no envc.toml in this folder or any above it",
        where=start,
        mend="go into a site, name one with --site DIR, or start one with `envc init`",
    )


def nearest_site(folders: Iterable[str]) -> tuple[str, str] | None:
    """The first of these folders that has a site's spec, and its name."""
    named = ((folder, spec_in(folder)) for folder in folders)
    return next(((folder, name) for folder, name in named if name is not None), None)


def _refuse_strangers(folder: str) -> None:
    """Refuse a site that was only found, and that somebody else could have put there.

    What it names is started. With sudo, that of who calls it will do.
    """
    owners = {int(os.environ["SUDO_UID"])} if os.environ.get("SUDO_UID", "").isdecimal() else set()
    fault = exposure(folder, owners)
    if fault is not None:
        raise UsageError(
            f"the site that is found here is not safe: {fault.what}",
            where=fault.where,
            mend=f"if you trust it, name it: --site {shell_word(folder)}",
        )


def shown(path: str) -> str:
    """A path as messages show it: relative to where the person is, when that is below."""
    try:
        relative = os.path.relpath(path)
    except FileNotFoundError:  # the person is nowhere: the folder was removed
        return path
    return path if relative.startswith("..") else relative


def upwards(folder: str) -> Iterator[str]:
    """A folder, and all those above it."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def spec_in(folder: str) -> str | None:
    """The name of the site's spec in a folder; None: there is none."""
    if os.path.isfile(f"{folder}/{SPEC_NAME}"):
        return SPEC_NAME
    text = known_bytes(f"{folder}/pyproject.toml", MOST_OF_A_SPEC) or b""
    return "pyproject.toml" if b"[tool.envc" in text else None


def read_spec(path: str, most_bytes: int = MOST_OF_A_SPEC) -> bytes:
    """The bytes of a spec.

    Raises:
        UsageError: it is not there, or no file to be read.
    """
    try:
        return bytes_of(path, most_bytes)
    except OSError as error:
        raise unreadable(error, path) from error


def refuse_missing_source(path: str | None) -> None:
    """Refuse a bundle or a folder of wheels that is not there.

    Raises:
        UsageError: that.
    """
    if path is not None and not os.path.exists(path):
        raise UsageError(
            "there is no such bundle or folder of wheels",
            where=path,
            mend="correct what --from names",
        )


def unreadable(error: OSError, path: str) -> EnvcError:
    """A wrong path is the person's to correct; a broken disk is not."""
    if error.errno in (errno.EIO, errno.EMFILE, errno.ENFILE):
        return disk_error(error, "read the file", shown(path))
    return UsageError(
        f"cannot be read: {error.strerror}", where=shown(path), mend="correct the path"
    )
