"""What is in files: their bytes, and the digests of those."""

import os

from envc.model.digest import Digest, digest_from_hex, digest_of

# Up to here, a file is read at once, and digested without OpenSSL.
_SMALL_BYTES = 1 << 18


def known_bytes(path: str) -> bytes | None:
    """A file's content; None where it cannot be read. No FIFO is waited for."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            return file.read()
    except OSError:
        return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def digest_of_file(path: str) -> Digest:
    """The digest of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        content = file.read(_SMALL_BYTES + 1)
        if len(content) <= _SMALL_BYTES:
            return digest_of(content)
        import hashlib  # 3 ms: it brings OpenSSL

        file.seek(0)
        return digest_from_hex(hashlib.file_digest(file, "sha256").hexdigest())


def known_digest(path: str) -> Digest | None:
    """The digest of a file's content; None where it cannot be read."""
    try:
        return digest_of_file(path)
    except OSError:
        return None
