"""Signatures, made by OpenSSH where the key is; anybody can verify them (`trust`).

docs/decisions/0016-signatures.md says why.
"""

from envc.signing.sign import Signer, sign, signer_of

__all__ = ["Signer", "sign", "signer_of"]
