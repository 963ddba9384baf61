"""What a folder looks like, to tell whether anything in it was touched."""

import hashlib
import os
import stat
from pathlib import Path


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder, as anybody could see it: modes, times, inodes, contents."""
    seen: dict[str, tuple[object, ...]] = {}
    for folder, names, filenames in os.walk(root):
        for name in (".", *names, *filenames):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            if stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            seen[path] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
    return seen
