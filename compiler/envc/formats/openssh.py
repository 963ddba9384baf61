"""OpenSSH's public keys and detached signatures: text → values. Ed25519 only.

Administrators have such keys, and `ssh-keygen -Y sign` and `-Y verify` write and read such
signatures. Several may follow each other in one text.

Sources: sshd(8), AUTHORIZED_KEYS FILE FORMAT; OpenSSH's PROTOCOL.sshsig; RFC 8709, sections 4, 6
"""

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence

from envc.model.signature import PublicKey, Signature

_KIND = "ssh-ed25519"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_LENGTH_BYTES = 4
_MAGIC = b"SSHSIG"
_HEAD = _MAGIC + (1).to_bytes(4, "big")
_HASHES = frozenset({"sha256", "sha512"})
_ARMOUR = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END SSH SIGNATURE-----\s*"
)


def public_key_from_text(line: str) -> PublicKey:
    """The key of a line `ssh-ed25519 BASE64 [COMMENT]`, as a `.pub` file has it.

    Raises:
        ValueError: it is none; with the words for it.
    """
    kind, _, rest = line.strip().partition(" ")
    text, _, comment = rest.strip().partition(" ")
    if kind != _KIND or not text:
        raise ValueError(f"{line!r} is not an OpenSSH public key of kind {_KIND}")
    try:
        return _key(b64decode(text, validate=True), comment.strip())
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{line!r} is not an OpenSSH public key") from error


def public_keys_from_text(text: str) -> tuple[str, ...]:
    """The lines of a file of public keys, without comments and empty lines.

    Raises:
        ValueError: a line is no key.
    """
    lines = [line.strip() for line in text.splitlines()]
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    for line in keys:
        public_key_from_text(line)
    return keys


def signatures_from_text(text: bytes) -> tuple[Signature, ...]:
    """The signatures of a text, in its order.

    Raises:
        ValueError: something in it is no signature, or not one that envc can verify.
    """
    found: list[Signature] = []
    place = 0
    while match := _ARMOUR.match(text, place):
        found.append(_signature(b64decode(match[1])))
        place = match.end()
    if place != len(text):
        raise ValueError("not a signature of OpenSSH")
    return tuple(found)


def signed_bytes(signature: Signature, message: bytes) -> bytes:
    """What the key has signed, if the signature is of this message."""
    digest = hashlib.new(signature.hash_name, message).digest()
    fields = (signature.purpose.encode(), b"", signature.hash_name.encode(), digest)
    return _MAGIC + b"".join(len(f).to_bytes(_LENGTH_BYTES, "big") + f for f in fields)


def _signature(content: bytes) -> Signature:
    if not content.startswith(_HEAD):
        raise ValueError("not a signature of OpenSSH")
    key, purpose, reserved, hash_name, signature = _fields(content[len(_HEAD) :], 5)
    kind, raw = _fields(signature, 2)
    if kind != _KIND.encode():
        raise ValueError(f"a signature of kind {kind.decode(errors='replace')}, not {_KIND}")
    if reserved or len(raw) != _SIGNATURE_BYTES or hash_name.decode() not in _HASHES:
        raise ValueError("not a signature that OpenSSH writes")
    return Signature(
        key=_key(key, ""), purpose=purpose.decode(), hash_name=hash_name.decode(), content=raw
    )


def _key(blob: bytes, comment: str) -> PublicKey:
    kind, raw = _fields(blob, 2)
    if kind != _KIND.encode() or len(raw) != _KEY_BYTES:
        raise ValueError(f"a key of kind {kind.decode(errors='replace')}, not {_KIND}")
    digest = b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PublicKey(raw, f"SHA256:{digest}", comment)


def _fields(content: bytes, number: int) -> Sequence[bytes]:
    """Exactly so many byte strings, each after its length."""
    found: list[bytes] = []
    while content:
        size = int.from_bytes(content[:_LENGTH_BYTES], "big")
        end = _LENGTH_BYTES + size
        if len(content) < end:
            raise ValueError("it was cut off")
        found.append(content[_LENGTH_BYTES:end])
        content = content[end:]
    if len(found) != number:
        raise ValueError("it was cut off")
    return found
