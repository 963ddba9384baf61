"""Bytes, their signatures and the keys that are trusted → nothing, or the refusal.

No file is read and no program run: nodes need no OpenSSH.
"""

from collections.abc import Sequence

from envc.errors import UntrustedError
from envc.model.signature import PublicKey, Purpose, Signature


def refuse_unsigned(
    message: bytes, signatures: bytes, keys: Sequence[str], *, purpose: Purpose, where: str
) -> None:
    """Refuse a message that none of the trusted `keys` has signed for this purpose.

    `keys` are lines as a `.pub` file has them. Signatures by other keys do no harm: while a key is
    being replaced, a message is signed with the old and the new one.

    Raises:
        UntrustedError: not signed, by none of these keys, or altered since.
    """
    from envc.formats.openssh import public_key_from_text, signatures_from_text  # few sign

    trusted = {key.content: key for key in map(public_key_from_text, keys)}
    names = " or ".join(map(str, trusted.values()))
    mend = f"have it signed (--sign) with {names}"
    try:
        found = signatures_from_text(signatures)
    except ValueError as error:
        raise UntrustedError(f"its signature is damaged: {error}", where=where, mend=mend) from None
    claimed = [each for each in found if each.key.content in trusted]
    if any(_is_of(each, message) for each in claimed if each.purpose == purpose):
        return
    if claimed:
        what = f"this is not what was signed with {trusted[claimed[0].key.content]}"
        again = "fetch it again, or have it signed again; find out who altered it"
        raise UntrustedError(what, where=where, mend=again)
    if found:
        others = " and ".join(str(each.key) for each in found)
        raise UntrustedError(
            f"it is signed with {others}, which is not trusted here", where=where, mend=mend
        )
    raise UntrustedError("it is not signed", where=where, mend=mend)


def _is_of(signature: Signature, message: bytes) -> bool:
    """Whether the key that a signature names has signed this message."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature as Claim
    from securesystemslib.signer import SSlibKey

    from envc.formats.openssh import signed_bytes

    key: PublicKey = signature.key
    verifier = SSlibKey(key.fingerprint, "ed25519", "ed25519", {"public": key.content.hex()})
    claim = Claim(key.fingerprint, signature.content.hex())
    try:
        verifier.verify_signature(claim, signed_bytes(signature, message))
    except UnverifiedSignatureError:
        return False
    return True
