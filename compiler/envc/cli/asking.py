"""What a person at a terminal is asked before something goes that does not come back."""

import sys

from envc.cli.output import harmless


def agreed(question: str) -> bool:
    """Whether the person at the terminal wants it."""
    sys.stderr.write(f"{harmless(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
