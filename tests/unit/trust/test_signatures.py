"""Signatures that OpenSSH makes: believed when they are of these bytes, by a trusted key."""

import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from envc.errors import OutsideError, UntrustedError, UsageError
from envc.formats.openssh import public_key_from_text, public_keys_from_text, signatures_from_text
from envc.signing import sign
from envc.trust.rules import refuse_unsigned
from support.keys import make_key

MESSAGE = b'{"serial": 1}\n'


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys `ada` and `bob`, and `rsa`, which is of another kind."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen cannot be found: run `make tools`")
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("ada", "ed25519"), ("bob", "ed25519"), ("rsa", "rsa")):
        make_key(folder / name, kind)
    return folder


def public(keys: Path, name: str) -> str:
    return (keys / f"{name}.pub").read_text().strip()


def shown(keys: Path, name: str) -> str:
    return str(public_key_from_text(public(keys, name)))


def refused(message: bytes, signatures: bytes, *trusted: str) -> str:
    with pytest.raises(UntrustedError) as told:
        refuse_unsigned(message, signatures, trusted, purpose="envc-wanted", where="w")
    return str(told.value)


def test_what_a_trusted_key_has_signed_is_believed(keys: Path) -> None:
    signatures = sign(MESSAGE, str(keys / "ada"), "envc-wanted")
    trusted = (public(keys, "bob"), public(keys, "ada"))
    refuse_unsigned(MESSAGE, signatures, trusted, purpose="envc-wanted", where="w")
    both = sign(MESSAGE, str(keys / "bob"), "envc-wanted") + signatures
    refuse_unsigned(MESSAGE, both, trusted[1:], purpose="envc-wanted", where="w")


def test_openssh_shows_the_same_fingerprint_and_takes_the_same_signature(
    keys: Path, tmp_path: Path
) -> None:
    words = ["ssh-keygen", "-l", "-f", str(keys / "ada.pub")]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f" {shown(keys, 'ada')} " in listed
    (tmp_path / "signature").write_bytes(sign(MESSAGE, str(keys / "ada"), "envc-wanted"))
    (tmp_path / "allowed").write_text(f"ada {public(keys, 'ada')}\n")
    words = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "ada"]
    words += ["-n", "envc-wanted", "-s", str(tmp_path / "signature")]
    assert subprocess.run(words, input=MESSAGE, capture_output=True, check=False).returncode == 0


def test_what_nobody_has_signed(keys: Path) -> None:
    ada, bob = shown(keys, "ada"), shown(keys, "bob")
    assert refused(MESSAGE, b"", public(keys, "ada"), public(keys, "bob")) == (
        f"w: it is not signed\n  help: have it signed (--sign) with {ada} or {bob}"
    )


def test_another_key(keys: Path) -> None:
    signatures = sign(MESSAGE, str(keys / "bob"), "envc-wanted")
    bob = shown(keys, "bob").removesuffix(" bob@canopy")  # a signature has no comment
    assert refused(MESSAGE, signatures, public(keys, "ada")) == (
        f"w: it is signed with {bob}, which is not trusted here\n"
        f"  help: have it signed (--sign) with {shown(keys, 'ada')}"
    )


@pytest.mark.parametrize("harm", ["message", "signature", "purpose"])
def test_what_was_altered(keys: Path, harm: str) -> None:
    purpose = "envc-bundle" if harm == "purpose" else "envc-wanted"
    message, text = MESSAGE, sign(MESSAGE, str(keys / "ada"), purpose)
    if harm == "message":
        message = MESSAGE + b"\n"
    elif harm == "signature":
        lines = text.splitlines()
        at = len(lines[-2]) // 2
        other = b"A" if lines[-2][at : at + 1] != b"A" else b"B"
        lines[-2] = lines[-2][:at] + other + lines[-2][at + 1 :]
        text = b"\n".join(lines) + b"\n"
    assert refused(message, text, public(keys, "ada")) == (
        f"w: this is not what was signed with {shown(keys, 'ada')}\n"
        "  help: fetch it again, or have it signed again; find out who altered it"
    )


def armoured(content: bytes) -> bytes:
    body = b64encode(content)
    return b"-----BEGIN SSH SIGNATURE-----\n" + body + b"\n-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("signatures", "why"),
    [
        (b"nonsense", "not a signature of OpenSSH"),
        (armoured(b""), "not a signature of OpenSSH"),
        (armoured(b"SSHSIG\0\0\0\1"), "it was cut off"),
        (armoured(b"SSHSIG\0\0\0\1\xff\xff\xff\xff"), "it was cut off"),
        (armoured(b"SSHSIG\0\0\0\2"), "not a signature of OpenSSH"),
    ],
)
def test_what_is_no_signature(keys: Path, signatures: bytes, why: str) -> None:
    assert refused(MESSAGE, signatures, public(keys, "ada")) == (
        f"w: its signature is damaged: {why}\n"
        f"  help: have it signed (--sign) with {shown(keys, 'ada')}"
    )


def test_every_cut_of_a_signature_is_refused(keys: Path) -> None:
    whole = sign(MESSAGE, str(keys / "ada"), "envc-wanted").rstrip()
    for size in range(1, len(whole), 7):
        refused(MESSAGE, whole[:size], public(keys, "ada"))


def test_a_signature_of_another_kind(keys: Path) -> None:
    with pytest.raises(ValueError, match=r"^a signature of kind rsa-sha2-512, not ssh-ed25519$"):
        signatures_from_text(sign(MESSAGE, str(keys / "rsa"), "envc-wanted"))


def test_keys_that_cannot_sign(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as told:
        sign(MESSAGE, "none", "envc-wanted")
    assert str(told.value) == "none: there is no such key\n  help: correct what --sign names"
    broken = tmp_path / "broken"
    broken.write_text("no key\n")
    broken.chmod(0o600)
    with pytest.raises(UsageError) as told:
        sign(MESSAGE, str(broken), "envc-wanted")
    assert str(told.value).startswith(f"{broken}: ssh-keygen cannot sign with this key: ")
    assert str(told.value).endswith(
        "help: name a private key of type ed25519, or the .pub of one that ssh-agent holds; "
        "ssh-keygen of OpenSSH 8.1 or newer is needed"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutsideError) as missing:
        sign(MESSAGE, str(keys / "ada"), "envc-wanted")
    assert str(missing.value) == (
        "ssh-keygen cannot be run: No such file or directory\n"
        "  help: install OpenSSH's client on this machine: it makes the signatures"
    )


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-rsa AAAA", "ssh-ed25519 A", "x y z"])
def test_what_is_no_public_key(text: str) -> None:
    with pytest.raises(ValueError, match=r" is not an OpenSSH public key"):
        public_key_from_text(text)


def test_a_file_of_public_keys(keys: Path) -> None:
    both = f"# the site's\n\n{public(keys, 'ada')}\n  {public(keys, 'bob')}\n"
    assert public_keys_from_text(both) == (public(keys, "ada"), public(keys, "bob"))


@pytest.mark.slow
def test_a_node_needs_neither_openssh_nor_compiled_code(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "signature").write_bytes(sign(MESSAGE, str(keys / "ada"), "envc-wanted"))
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from envc.errors import UntrustedError\n"
        "from envc.trust.rules import refuse_unsigned\n"
        "signatures, key = open(sys.argv[1], 'rb').read(), sys.argv[2]\n"
        "def told(message):\n"
        "    try:\n"
        "        refuse_unsigned(message, signatures, [key], purpose='envc-wanted', where='w')\n"
        "    except UntrustedError as error:\n"
        "        return error.faults[0].what\n"
        f"print(told({MESSAGE!r}), told(b'other'), sep='\\n')\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "signature"), public(keys, "ada")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": ""})
    assert done.stdout == f"None\nthis is not what was signed with {shown(keys, 'ada')}\n"
