"""Keys of OpenSSH."""

import subprocess
from pathlib import Path


def make_key(path: Path, kind: str = "ed25519") -> None:
    """A private key at `path`, its public one beside it as `.pub`."""
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{path.name}@canopy"]
    subprocess.run([*words, "-f", str(path)], check=True)
