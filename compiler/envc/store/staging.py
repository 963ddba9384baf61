"""Trees on their way into the store: a private folder → durable → published by one rename each.

    <root>/tmp/<node>-<unique>/           0700; .lock in it is held by its process
    <root>/tmp/<node>-<unique>/<id>/      tree/, facts.json, manifest (written last)
    <root>/wheels/<id>/                   complete, or not there

Nothing depends on the lock: it only tells leftovers from work in progress, and who removes a
leftover first renames it, so that whoever still works there fails to publish.
"""

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from envc.disk.durable import make_folder, sync_directory, sync_file_system
from envc.disk.locks import try_exclusive
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
        make_folder(self._root)
        make_folder(self._wheels)
        make_folder(self._temporary)
        self._make_private()
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
        sync_file_system(self._wheels)
        for name in names:
            self._publish_one(name)
        sync_directory(self._wheels)

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

    def _make_private(self) -> None:
        """Make the private folder and hold its lock; where there are no locks, without."""
        while self._lock < 0:
            folder = tempfile.mkdtemp(prefix=f"{_node()}-", dir=self._temporary)
            try:
                descriptor = try_exclusive(os.path.join(folder, ".lock"))
            except FileNotFoundError:
                continue  # before it had its lock, somebody took it for a leftover
            except OSError:
                self.folder = folder
                return
            if descriptor is None:
                continue
            if os.path.exists(folder):
                self.folder, self._lock = folder, descriptor
            else:
                os.close(descriptor)

    def _remove_leftovers(self) -> None:
        """Remove what interrupted runs left; what cannot be removed hurts nobody."""
        now = os.stat(self.folder).st_mtime
        for name in sorted(os.listdir(self._temporary)):
            path = os.path.join(self._temporary, name)
            if path != self.folder:
                with contextlib.suppress(OSError):
                    _remove_leftover(path, old=now - os.stat(path).st_mtime > _FOREIGN_SECONDS)


def _remove_leftover(path: str, *, old: bool) -> None:
    """Remove a folder when its process is gone: its lock is free, or else it is old."""
    if path.endswith(_LEFTOVER):
        shutil.rmtree(path)
        return
    descriptor = None
    if os.path.basename(path).rpartition("-")[0] == _node():
        with contextlib.suppress(OSError):
            descriptor = try_exclusive(os.path.join(path, ".lock"))
            if descriptor is None:
                return
    if descriptor is None and not old:
        return
    try:
        os.rename(path, path + _LEFTOVER)
        shutil.rmtree(path + _LEFTOVER)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def remove_interrupted(root: str) -> None:
    """Remove what interrupted runs left in a store where nobody is at work now.

    Another node's leftovers wait for a day: what excludes others here may not exclude them.
    """
    folder = os.path.join(root, "tmp")
    with contextlib.suppress(OSError):
        now = time.time()
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            foreign = not name.startswith(f"{_node()}-")
            if not foreign or now - os.stat(path).st_mtime > _FOREIGN_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _node() -> str:
    return os.uname().nodename.partition(".")[0]
