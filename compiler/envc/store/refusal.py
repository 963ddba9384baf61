"""Why a wheel is refused: problems by entry → `UntrustedError`."""

from collections.abc import Sequence

from envc.errors import Fault, UntrustedError
from envc.model.value import value
from envc.store import limits

_MEND = "do not use this wheel: pin another release, and tell the project"


@value
class Problem:
    """What is wrong with one entry; `entry` is empty when it is the wheel as a whole."""

    entry: str
    what: str


class RefusedError(Exception):
    """A wheel is refused. Stays within this room: `untrusted` adds the wheel's name."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


def refuse_if(problems: Sequence[Problem]) -> None:
    """Nothing when there are none.

    Raises:
        RefusedError: there are problems; it holds them all.
    """
    if problems:
        raise RefusedError(*problems)


def untrusted(filename: str, problems: Sequence[Problem], *, mend: str = _MEND) -> UntrustedError:
    """The error that names the file and, as far as they are not too many, its bad entries."""
    faults = [
        # repr: an entry's name may hold control characters, which must not reach a terminal
        Fault(p.what, f"{filename}, entry {p.entry!r}" if p.entry else filename, mend)
        for p in problems[: limits.FAULTS]
    ]
    if len(problems) > limits.FAULTS:
        faults.append(Fault(f"{len(problems) - limits.FAULTS} more faults", filename, mend))
    error = UntrustedError(faults[0].what)
    error.faults = tuple(faults)
    return error
