"""Trees on their way into the store: a private folder → durable → published by one rename each.

    <root>/tmp/<node>-<unique>/           0700; .lock in it is held by its process
    <root>/tmp/<node>-<unique>/<id>/      tree/, facts.json, manifest (written last)
    <root>/wheels/<id>/                   complete, or not there

Nothing depends on the lock: it only tells leftovers from work in progress, and who removes a
leftover first renames it, so that whoever still works there fails to publish.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from envc.model.manifest import DIRECTORY_MODE

_LEFTOVER = ".leftover"
# Another node's locks may not show on a network file system: its leftovers wait for a day.
_FOREIGN_SECONDS = 86_400


class Staging:
    """A private folder in the store, gone when the context ends. `folder` is its path.

    Entering makes the store's folders as needed and removes what interrupted runs left.

    Raises:
        OSError: the disk refuses; from entering and from `publish`.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._wheels = os.path.join(root, "wheels")
        self._temporary = os.path.join(root, "tmp")
        self._lock = -1
        self.folder = ""

    def __enter__(self) -> Self:
        _make_folder(self._root)
        _make_folder(self._wheels)
        _make_folder(self._temporary)
        self.folder = tempfile.mkdtemp(prefix=f"{_node()}-", dir=self._temporary)
        self._lock = _try_lock(self.folder, create=True)
        self._remove_leftovers()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)

    def add(self, name: str) -> str:
        """A new folder for one tree, by the name under which it will be published; its path."""
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def publish(self, names: Iterable[str]) -> None:
        """Make these trees durable, then visible. One that is there by now is left as it is."""
        descriptor = os.open(self._wheels, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _flush_file_system(descriptor)
            for name in names:
                self._publish_one(name)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _publish_one(self, name: str) -> None:
        source = os.path.join(self.folder, name)
        destination = os.path.join(self._wheels, name)
        os.chmod(source, DIRECTORY_MODE)
        try:
            # A folder never replaces one that holds something: whoever is first stays.
            os.rename(source, destination)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if not os.path.exists(os.path.join(destination, "manifest")):
                # Never published by us: a manifest is on the disk before the rename.
                os.rename(destination, f"{source}.damaged")
                os.rename(source, destination)

    def _remove_leftovers(self) -> None:
        """Remove what interrupted runs left; what cannot be removed hurts nobody."""
        now = os.stat(self.folder).st_mtime
        for name in sorted(os.listdir(self._temporary)):
            path = os.path.join(self._temporary, name)
            if path != self.folder:
                with contextlib.suppress(OSError):
                    self._remove_leftover(path, name, now)

    def _remove_leftover(self, path: str, name: str, now: float) -> None:
        if name.endswith(_LEFTOVER):
            shutil.rmtree(path)
            return
        old = now - os.stat(path).st_mtime > _FOREIGN_SECONDS
        if not old and not name.startswith(f"{_node()}-"):
            return
        lock = _try_lock(path, create=False)
        if lock < 0 and not old:
            return
        try:
            os.rename(path, path + _LEFTOVER)
            shutil.rmtree(path + _LEFTOVER)
        finally:
            if lock >= 0:
                os.close(lock)


def _node() -> str:
    return os.uname().nodename.partition(".")[0]


def _make_folder(path: str) -> None:
    """Make a folder that everybody may read, whatever the umask, unless it is there."""
    if os.path.isdir(path):
        return
    with contextlib.suppress(FileExistsError):
        os.makedirs(path)
        os.chmod(path, DIRECTORY_MODE)


def _try_lock(folder: str, *, create: bool) -> int:
    """A descriptor that holds the folder's lock, -1 when it cannot be had.

    Opened for writing: a network file system gives no exclusive lock otherwise.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(os.path.join(folder, ".lock"), flags, 0o600)
    except OSError:
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor


def _flush_file_system(descriptor: int) -> None:
    """Bring everything written to the descriptor's file system to the disk: one call for all.

    Raises:
        OSError: something could not be written. The kernel reports that once: what was staged
            must be thrown away, not flushed again.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        os.sync()
    elif library.syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
