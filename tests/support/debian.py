"""This machine with more of Debian's packages: apt installs them beside it, not into it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.sites import Answer

# What is written goes to memory, in a namespace of mounts that ends with the process in it.
_LAY = """\
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for folder in /dev /proc /sys; do mount --rbind "$folder" "$1/root$folder"; done
echo laid
read -r _
"""
_INSTALL = """\
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
"""


@dataclass(frozen=True)
class Debian:
    """The machine with its packages: what is run in it sees them, and nobody else."""

    process: int
    root: Path

    def run(
        self, *words: object, environment: Mapping[str, str] | None = None, cwd: str = "/"
    ) -> Answer:
        """Run a command in it."""
        enter = ["nsenter", "-t", str(self.process), "-m", "chroot", str(self.root)]
        done = subprocess.run(
            [*enter, "sh", "-c", 'cd "$0" && exec "$@"', cwd, *map(str, words)],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def done(self, *words: object) -> str:
        """What a command prints that ends well."""
        answer = self.run(*words)
        assert answer.status == 0, f"{words}\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}"
        return answer.stdout

    def install(self, *packages: str) -> None:
        """Have apt install these."""
        self.done("sh", "-euc", _INSTALL, "sh", *packages)


@contextmanager
def debian(folder: Path) -> Iterator[Debian | None]:
    """Debian's packages over this machine; None where nothing may be mounted."""
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", _LAY, "sh", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        is_laid = process.stdout.readline() == "laid\n"
        yield Debian(process.pid, folder / "root") if is_laid else None
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()
