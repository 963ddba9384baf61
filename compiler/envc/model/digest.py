"""Content digests: `sha256:` and 64 hexadecimal digits."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any, NewType

Digest = NewType("Digest", str)

# Up to here, digesting without OpenSSL is sooner done than loading it (2 ms).
_SMALL_BYTES = 1 << 18
# Where Python has its own SHA-256: 3.12 and newer, 3.11.
_WITHOUT_OPENSSL = ("_sha2", "_sha256")

# What a file is held against where nobody gives its sha256, best first.
_FORGEABLE = ("sha1", "md5")
_OTHER_HASHES = (
    *("sha512", "sha384", "sha3_512", "sha3_384", "sha3_256", "blake2b", "blake2s"),
    *("sha224", "sha3_224", *_FORGEABLE),
)

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether `text` is a complete sha256 digest in envc's spelling."""
    return _FORM.fullmatch(text) is not None


def _sure(text: str) -> str:
    if not is_digest(text):
        raise ValueError("this must be a sha256 digest")
    return text


SureDigest = Annotated[Digest, _sure]
"""Of a value that is refused where a digest of it is none (`formats/values.py`)."""


def digest_of(content: bytes) -> Digest:
    """The digest of these bytes."""
    sha256 = _sha256(small=len(content) <= _SMALL_BYTES)
    return Digest("sha256:" + sha256(content).hexdigest())


def _sha256(*, small: bool) -> Callable[[bytes], Any]:
    """Python's own function while OpenSSL is not loaded, as `random` does; else hashlib's."""
    if small and "hashlib" not in sys.modules:
        for name in _WITHOUT_OPENSSL:
            try:
                own: Callable[[bytes], Any] = import_module(name).sha256
            except ImportError:
                continue
            return own
    import hashlib

    return hashlib.sha256


def digest_of_json(value: Any) -> Digest:
    """The digest of a value's canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest_of(text.encode(errors="surrogatepass"))  # a path may hold any bytes


def digest_from_hex(hexadecimal: str) -> Digest:
    """The digest with these 64 hexadecimal digits, in lower case."""
    return Digest("sha256:" + hexadecimal.lower())


def best_checksum(hashes: Mapping[str, Any]) -> str | None:
    """The best of a file's hashes but the sha256: its algorithm, a colon and its digits."""
    found = ((name, hashes.get(name)) for name in _OTHER_HASHES)
    return next((f"{name}:{text.lower()}" for name, text in found if type(text) is str), None)


def is_forgeable(checksum: str) -> bool:
    """Whether two files of one such checksum can be made."""
    return checksum.partition(":")[0] in _FORGEABLE


def hex_of(digest: Digest) -> str:
    """The 64 hexadecimal digits: a digest as part of a file name."""
    return digest.removeprefix("sha256:")
