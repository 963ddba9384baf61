"""A message → its signature, by `ssh-keygen`: envc never sees a private key."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress

from envc.errors import OutsideError, UntrustedError, UsageError
from envc.model.signature import Purpose
from envc.model.spec import SiteSpec
from envc.model.value import value
from envc.ports import Reporter
from envc.trust.rules import Keys, refuse_unsigned

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


@value
class Signer:
    """Who signs for a site: the files of private keys, and the public keys that the site names."""

    files: tuple[str, ...]
    keys: Keys

    def sign(self, message: bytes, purpose: Purpose) -> bytes:
        """The signatures of a message, one a file; nodes that know the site's keys will take it.

        Raises:
            UsageError: a key cannot sign, or none of them is the site's.
            OutsideError: there is no ssh-keygen here.
        """
        signatures = b"".join(sign(message, file, purpose) for file in self.files)
        if self.keys:
            try:
                refuse_unsigned(message, signatures, self.keys, purpose=purpose, where="")
            except UntrustedError as error:
                raise UsageError(
                    "none of the signatures is by a key that the site names",
                    where=" and ".join(self.files),
                    mend="sign with a key of [site] keys, or add its .pub there",
                ) from error
        return signatures

    def refuse_others(self, message: bytes, signatures: bytes, purpose: Purpose) -> None:
        """Refuse a message that neither the site's keys nor these have signed.

        Where the site names none, and none of these is known, anybody's is taken.

        Raises:
            UntrustedError: none of them has, or it was altered since.
        """
        keys = [*self.keys, *_public_keys(self.files)]
        if keys:
            refuse_unsigned(message, signatures, keys, purpose=purpose, where="")


def _public_keys(files: Sequence[str]) -> Iterator[str]:
    """The public keys that stand beside these private ones, as ssh-keygen leaves them."""
    from envc.formats.openssh import public_keys_from_text

    for name in files:
        with suppress(OSError, ValueError):
            path = name if name.endswith(".pub") else f"{name}.pub"
            with open(path, encoding="utf-8") as file:
                yield from public_keys_from_text(file.read())


def signer_of(spec: SiteSpec, files: tuple[str, ...], reporter: Reporter) -> Signer | None:
    """Who signs for a site; None: it names no keys, and nobody was named to sign.

    Raises:
        UsageError: it names keys, and there is no private one to sign with.
    """
    if spec.keys and not files:
        raise UsageError(
            "the site has keys, and nothing to sign with was named",
            where=f"{spec.file} (site.keys)",
            mend="name the private key with --sign KEY, or set ENVC_SIGN_KEY",
        )
    if files and not spec.keys:
        reporter.warn("the site names no keys: nodes will take what nobody has signed")
    return Signer(files, spec.keys) if files else None
