"""Public keys, and what is signed with them."""

from typing import Literal

from envc.model.value import value

# What a signature is for: one for a bundle says nothing of a wanted state.
Purpose = Literal["envc-bundle", "envc-wanted"]


@value
class PublicKey:
    """An Ed25519 key: its 32 bytes, its SHA-256 as OpenSSH shows it, and the comment beside it."""

    content: bytes
    fingerprint: str
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.comment}".rstrip()


@value(kw_only=True)
class Signature:
    """A signature with the key that it claims to be of: believed only when it is verified.

    `signed` is what the key has signed: purpose and hash of a message, `hash_name` tells which.
    """

    key: PublicKey
    purpose: str
    hash_name: str
    content: bytes
