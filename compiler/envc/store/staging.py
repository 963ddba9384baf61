"""Trees on their way into the store: a private folder → durable → published by one rename each.

<root>/tmp/<private>/<id>/      tree/, facts.json, manifest (written last)
<root>/wheels/<id>/             complete, or not there
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from envc.disk.durable import make_folder, sync_directory, sync_file_system
from envc.disk.private import private_folder
from envc.model.manifest import DIRECTORY_MODE
from envc.model.value import value

WHEELS, TEMPORARY = "wheels", "tmp"


@value
class Staging:
    """A store, and the private folder in it where trees come to be."""

    root: str
    folder: str

    def add(self, name: str) -> str:
        """A new folder for one tree, by the name under which it will be published; its path."""
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def publish(self, names: Iterable[str]) -> None:
        """Make these trees durable, then visible. One that is there by now is left as it is.

        Raises:
            OSError: the disk refuses.
        """
        wheels = os.path.join(self.root, WHEELS)
        sync_file_system(wheels)
        for name in names:
            self._publish_one(name, os.path.join(wheels, name))
        sync_directory(wheels)

    def _publish_one(self, name: str, destination: str) -> None:
        source = os.path.join(self.folder, name)
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


@contextmanager
def staging_in(root: str) -> Iterator[Staging]:
    """A staging area of the store, gone when the block ends; the store is made if need be.

    Raises:
        OSError: the disk refuses.
    """
    make_folder(root)
    make_folder(os.path.join(root, WHEELS))
    with private_folder(os.path.join(root, TEMPORARY)) as folder:
        yield Staging(root, folder)
