"""An image as what stands below an overlay: an archive or an unpacked root, nothing of it run."""

import os
from contextlib import suppress

from envc.described.facts import facts_of, inventory_of
from envc.described.image import Image, PlacedFolder
from envc.described.layers import Archive, archive_of
from envc.described.packed import is_archive
from envc.described.still import facts_of_image
from envc.errors import UsageError
from envc.model.inventory import Inventory
from envc.model.value import replace

_HEAD_BYTES = 4096
_LAYOUT = ("oci-layout", "blobs")
_ROOT = ("etc", "usr")
# What an environment's own folder has, and no root.
_PREFIX = {"conda-meta", "pyvenv.cfg"}
_PACKED = ((b"hsqs", 0), (b"SIF_MAGIC", 32))


def is_image(what: str) -> bool:
    """Whether a path is an image: its archive, an OCI layout, or a root that is not this machine's.

    Raises:
        UsageError: it is one that has to be mounted first.
    """
    if os.path.isdir(what):
        names = set(os.listdir(what)) if os.access(what, os.R_OK) else set[str]()
        is_root = names.issuperset(_ROOT) and not names & _PREFIX
        return os.path.realpath(what) != "/" and (is_root or names.issuperset(_LAYOUT))
    head = head_of(what)
    if any(head.startswith(mark, start) for mark, start in _PACKED):
        raise UsageError(
            "what an image of this kind holds is seen when it is mounted",
            where=os.path.abspath(what),
            mend="mount it (`squashfuse FILE DIR`) and describe DIR, or run what "
            "`envc describe --script` prints in it",
        )
    return is_archive(head)


def head_of(what: str) -> bytes:
    """What a file starts with; empty where it is none."""
    with suppress(OSError), open(what, "rb", opener=_open_at_once) as file:
        return file.read(_HEAD_BYTES) if os.path.isfile(what) else b""
    return b""


def described_image(what: str, python: str | None) -> Inventory:
    """The inventory of an interpreter's environment in an image: `python` is its path there.

    Raises:
        UsageError: it is no image, or has no such interpreter.
    """
    where = os.path.abspath(what)
    try:
        found = _opened(where)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", where=where, mend="correct the path"
        ) from error
    told = facts_of_image(found.image, found.environ, python, where)
    inventory = inventory_of(facts_of(told, where))
    return replace(inventory, unread=(*found.notes, *inventory.unread))


def _opened(where: str) -> Archive:
    if os.path.isdir(where) and not os.path.exists(f"{where}/{_LAYOUT[0]}"):
        return Archive(Image(PlacedFolder(where)), {}, ())
    return archive_of(where)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
