"""A command that ends itself in time, on the node: who asked for it may be gone by then.

A node without `timeout` runs it as it is, and is given up from here.
"""

import math
from collections.abc import Sequence

from envc.model.nodes import Limits, NodeAnswer
from envc.model.value import replace

# So much later than the node itself is it given up.
_GRACE_SECONDS = 15.0
_LATE_STATUS = 124
# KILL, as nothing else ends what waits for a dead file system. What dies so in time ran out of
# memory. One line, and no exclamation mark: the login shell that it passes through may be csh.
_BOUND = (
    'if command -v timeout >/dev/null 2>&1; then b=$(date +%s); timeout -s KILL "$0" "$@"; s=$?; '
    f'if [ "$s" -eq 137 ] && [ $(($(date +%s) - b)) -ge "$0" ]; then exit {_LATE_STATUS}; fi; '
    'exit "$s"; fi; exec "$@"'
)


def bounded(command: Sequence[str], limits: Limits) -> list[str]:
    """The command, with all that it starts, for as long as it may take."""
    return ["sh", "-c", _BOUND, str(math.ceil(limits.timeout_seconds)), *command]


def patient(limits: Limits) -> Limits:
    """How long an engine waits for bounded commands: they are to say themselves that it is over."""
    return replace(limits, timeout_seconds=limits.timeout_seconds + _GRACE_SECONDS)


def late_if_told(answer: NodeAnswer) -> NodeAnswer:
    """The answer, as late where its bounded command says so."""
    if (answer.outcome, answer.status) != ("ended", _LATE_STATUS):
        return answer
    return replace(answer, outcome="late", status=None)
