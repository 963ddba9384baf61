"""Disk trouble: an `OSError` → an `OutsideError` that says what to do."""

import errno
import os

from envc.errors import OutsideError

_MENDS = {
    errno.ENOSPC: "free space or inodes on the file system of {root}, then run again",
    errno.EDQUOT: "free part of your quota on the file system of {root}, then run again",
    errno.EACCES: "run as the owner of {root}",
    errno.EPERM: "run as the owner of {root}",
    errno.EROFS: "mount the file system of {root} for writing",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then run again",
    errno.ENFILE: "raise the limit of open files (fs.file-max), then run again",
    errno.EIO: "check the disk of {root} before you run again",
}


def outside(error: OSError, *, doing: str, root: str) -> OutsideError:
    """The error for trouble below `root`, while `doing` ("write the store")."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    mend = _MENDS.get(error.errno or 0, "see to {root}, then run again")
    return OutsideError(f"cannot {doing}: {reason}", where=root, mend=mend.format(root=root))
