"""Content digests: `sha256:` and 64 hexadecimal digits."""

import json
import re
from typing import Any, NewType

Digest = NewType("Digest", str)

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether `text` is a complete sha256 digest in envc's spelling."""
    return _FORM.fullmatch(text) is not None


def digest_of(content: bytes) -> Digest:
    """The digest of these bytes."""
    import hashlib  # brings OpenSSL in, which a run with nothing to do does without

    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def digest_of_json(value: Any) -> Digest:
    """The digest of a value's canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest_of(text.encode())


def digest_from_hex(hexadecimal: str) -> Digest:
    """The digest with these 64 hexadecimal digits, in lower case."""
    return Digest("sha256:" + hexadecimal.lower())


def hex_of(digest: Digest) -> str:
    """The 64 hexadecimal digits: a digest as part of a file name."""
    return digest.removeprefix("sha256:")
