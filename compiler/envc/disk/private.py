"""Private folders: where something comes to be beside where it will be published.

    PARENT/<prefix><node>-<unique>/       0700; .lock in it is held by its process

Nothing depends on the lock: it only tells leftovers from work in progress. Who removes a leftover
first renames it, so that whoever still works there fails to publish.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from envc.disk.durable import make_folder
from envc.disk.folders import names_in, remove_folder
from envc.disk.locks import try_exclusive

_LOCK = ".lock"
_LEFTOVER = ".leftover"
# Another node's locks may not show on a network file system: its leftovers wait for a day.
_FOREIGN_SECONDS = 86_400


@contextmanager
def private_folder(parent: str, prefix: str = "") -> Iterator[str]:
    """A new folder of one's own there, gone when the block ends.

    The parent is made, and what interrupted runs left there under the prefix is removed.

    Raises:
        OSError: the disk refuses.
    """
    make_folder(parent)
    remove_abandoned(parent, prefix)
    folder, lock = _made(parent, prefix)
    try:
        yield folder
    finally:
        with suppress(OSError):
            remove_folder(folder)
        if lock is not None:
            os.close(lock)


def remove_abandoned(parent: str, prefix: str = "") -> None:
    """Remove the private folders whose processes are gone; what cannot be removed hurts nobody."""
    for name in names_in(parent):
        if name.startswith(prefix):
            with suppress(OSError):
                _remove_if_abandoned(f"{parent}/{name}", name.removeprefix(prefix))


def _remove_if_abandoned(path: str, name: str) -> None:
    """Remove a folder if its lock is free, or else if it is old."""
    if path.endswith(_LEFTOVER):
        remove_folder(path)
        return
    lock = None
    if name.rpartition("-")[0] == _node():
        with suppress(OSError):
            lock = try_exclusive(f"{path}/{_LOCK}")
            if lock is None:
                return
    try:
        if lock is not None or time.time() - os.stat(path).st_mtime > _FOREIGN_SECONDS:
            os.rename(path, path + _LEFTOVER)
            remove_folder(path + _LEFTOVER)
    finally:
        if lock is not None:
            os.close(lock)


def _made(parent: str, prefix: str) -> tuple[str, int | None]:
    """A new folder, and a descriptor that holds its lock; None: there are no locks here."""
    import tempfile  # which brings OpenSSL; most runs look for leftovers only

    while True:
        folder = tempfile.mkdtemp(prefix=f"{prefix}{_node()}-", dir=parent)
        try:
            lock = try_exclusive(f"{folder}/{_LOCK}")
        except FileNotFoundError:
            continue  # before it had its lock, somebody took it for a leftover
        except OSError:
            return folder, None
        if lock is not None and os.path.exists(folder):
            return folder, lock
        if lock is not None:
            os.close(lock)


def _node() -> str:
    return os.uname().nodename.partition(".")[0]
