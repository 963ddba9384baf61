"""Folders removed whole, generations among them, which nobody may write to."""

import os
import shutil
import stat


def remove_folder(path: str) -> None:
    """Remove a folder and all below it, the caller's own read-only folders included.

    Raises:
        OSError: the disk refused, or it is no folder.
    """
    for folder, _, _ in os.walk(path):
        mode = os.lstat(folder).st_mode
        if not mode & stat.S_IWUSR:
            os.chmod(folder, stat.S_IMODE(mode) | stat.S_IRWXU)
    shutil.rmtree(path)
