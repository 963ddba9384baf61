"""A message → its signature, by `ssh-keygen`: envc never sees a private key."""

import os
import subprocess

from envc.errors import OutsideError, UsageError
from envc.model.signature import Purpose

_MEND = (
    "name a private key of type ed25519, or the .pub of one that ssh-agent holds; "
    "ssh-keygen of OpenSSH 8.1 or newer is needed"
)


def sign(message: bytes, key_file: str, purpose: Purpose) -> bytes:
    """The signature of a message as text.

    The key may be in ssh-agent, or have a passphrase, which is asked for on the terminal.

    Raises:
        UsageError: this key cannot sign.
        OutsideError: there is no ssh-keygen here.
    """
    if not os.path.exists(key_file):
        raise UsageError("there is no such key", where=key_file, mend="correct what --sign names")
    command = ["ssh-keygen", "-Y", "sign", "-n", purpose, "-f", key_file]
    try:
        done = subprocess.run(command, input=message, capture_output=True, check=False)
    except OSError as error:
        raise OutsideError(
            f"ssh-keygen cannot be run: {error.strerror}",
            mend="install OpenSSH's client on this machine: it makes the signatures",
        ) from error
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(
            f"ssh-keygen cannot sign with this key: {next(reversed(told), 'it says nothing')}",
            where=key_file,
            mend=_MEND,
        )
    return done.stdout
