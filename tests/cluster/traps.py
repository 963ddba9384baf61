"""An interpreter for nodes that breaks where a test wants it to.

FOLDER/python        what roll-outs are given as --python
FOLDER/NODE          what happens to the node's next call: a rule, used once
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

# `wait` tells that it has begun, by opening a FIFO, and goes on when the other end is closed.
_SCRIPT = """\
#!/bin/sh
rule=
node=${{ENVC_NODE:-$SLURMD_NODENAME}}
if mv {folder}/"$node" {folder}/"$node".used 2>/dev/null; then
  read -r rule < {folder}/"$node".used
fi
case "$rule" in
  '') exec {python} "$@" ;;
  missing) exec {folder}/no-such-python "$@" ;;
  wait) cat {folder}/fifo > /dev/null; exec {python} "$@" ;;
  *) exec {strace} -f -qq -o /dev/null -e trace="${{rule%%:*}}" -e inject="$rule" {python} "$@" ;;
esac
"""
WHILE_PREPARING = "syncfs:signal=SIGKILL:when=1"
WHILE_SWITCHING = "symlink:signal=SIGKILL:when=1"


@dataclass(frozen=True)
class Traps:
    """Traps in a folder that every node sees."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python"

    def set(self, node: str, rule: str) -> None:
        (self.folder / node).write_text(f"{rule}\n")

    def hold(self) -> int:
        """Waits until a node waits; it goes on when the descriptor is closed."""
        return os.open(self.folder / "fifo", os.O_WRONLY)


def make_traps(folder: Path) -> Traps:
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    traps = Traps(folder)
    python = os.path.realpath(sys.executable)
    text = _SCRIPT.format(folder=folder, python=python, strace=shutil.which("strace"))
    traps.python.write_text(text)
    traps.python.chmod(0o755)
    return traps
