"""What is in files: their bytes, and the digests of those."""

import errno
import os
import stat
import sys
from io import BufferedReader

from envc.model.digest import Digest, digest_from_hex, digest_of

# Up to here, a file is read at once, and digested without OpenSSL.
_SMALL_BYTES = 1 << 18
# No file that envc reads at once is larger: the listing of a layer of half a million files.
_MOST_BYTES = 1 << 28


def bytes_of(path: str, most_bytes: int = _MOST_BYTES) -> bytes:
    """A file's content. No FIFO is waited for, and no device or endless file is read.

    Raises:
        OSError: it cannot be read, is no file, or is larger than that.
    """
    with _opened(path, most_bytes) as file:
        return file.read(most_bytes + 1)[:most_bytes]


def known_bytes(path: str, most_bytes: int = _MOST_BYTES) -> bytes | None:
    """A file's content; None where it cannot be read (`bytes_of`)."""
    try:
        return bytes_of(path, most_bytes)
    except OSError:
        return None


def _opened(path: str, most_bytes: int) -> BufferedReader:
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= most_bytes:
        return file
    file.close()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file", path)
    raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:.0f} MB", path)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def digest_of_file(path: str, most_bytes: int = sys.maxsize) -> Digest:
    """The digest of a file's content. No FIFO is waited for, and no device or endless file is read.

    Raises:
        OSError: it cannot be read, is no file, or is larger than that.
    """
    with _opened(path, most_bytes) as file:
        content = file.read(_SMALL_BYTES + 1)
        if len(content) <= _SMALL_BYTES:
            return digest_of(content)
        import hashlib  # 3 ms: it brings OpenSSL

        file.seek(0)
        return digest_from_hex(hashlib.file_digest(file, "sha256").hexdigest())


def checksum_of_file(path: str, algorithm: str) -> str:
    """The hash of a file's content by another algorithm than digests have: its name, and digits.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    import hashlib

    def new() -> "hashlib._Hash":
        return hashlib.new(algorithm, usedforsecurity=False)

    with _opened(path, sys.maxsize) as file:
        return f"{algorithm}:{hashlib.file_digest(file, new).hexdigest()}"


def known_digest(path: str, most_bytes: int = sys.maxsize) -> Digest | None:
    """The digest of a file's content; None where it cannot be read (`digest_of_file`)."""
    try:
        return digest_of_file(path, most_bytes)
    except OSError:
        return None
