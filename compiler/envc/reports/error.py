"""What `envc error --json` prints."""

from typing import Literal

from envc.errors import Fault
from envc.model.value import value


@value
class FaultList:
    """An error: its code, the exit status that goes with it, and what is wrong."""

    code: str
    status: Literal[1, 2, 3, 4, 5, 70]
    faults: tuple[Fault, ...]


@value
class ErrorReport:
    """What a command that fails prints with `--json`, on stdout."""

    error: FaultList
