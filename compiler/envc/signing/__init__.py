"""Signatures: made by OpenSSH where the key is, verified anywhere by a library in pure Python.

docs/decisions/0016-signatures.md says why.
"""

from envc.signing.sign import sign
from envc.signing.verify import refuse_unsigned

__all__ = ["refuse_unsigned", "sign"]
