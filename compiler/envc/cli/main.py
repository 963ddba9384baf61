"""`envc`: the process. What tells of envc itself is told here, with next to nothing imported."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # `typing` takes longer to come than all else here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

_ENDED, _NOBODY_READS, _DISK_FULL = 130, 141, 4
# Most calls live for milliseconds and leave no garbage in circles; a long one still collects.
_OBJECTS_BEFORE_COLLECTING = 100_000


def program(*, target: str | None = None, supply: str | None = None) -> NoReturn:
    """The process `envc`: it ends as soon as everything is said, and takes nothing apart before.

    `target` is the target directory that carries this envc, if one does: commands are about it
    unless they name another. `supply` is the bundle that carries it: what is materialized comes
    from there unless another source is named.
    """
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for the whole run
        getattr(sys, name).reconfigure(errors="backslashreplace")  # a locale may lack the letters
    try:
        status = main(carriers={"target": target, "supply": supply}, listening=True)
        sys.stdout.flush()
    except BrokenPipeError:
        status = _NOBODY_READS
    except OSError as error:
        status = _DISK_FULL
        _tell(f"error: the answer cannot be written: {error.strerror}\n")
    except KeyboardInterrupt:  # so early that nobody has listened
        status = _ENDED
        _tell("error: interrupted: nothing was begun\n")
    _tell("")
    os._exit(status)


def _tell(text: str) -> None:
    """Say it on stderr, where that can be written."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        pass


def main(
    argv: Sequence[str] | None = None,
    *,
    carriers: Mapping[str, str | None] | None = None,
    listening: bool = False,
) -> int:
    """The exit status of one call of envc; `carriers` are the arguments of `program`.

    With `listening` Ctrl-C and SIGTERM end the process, whatever it is at (`ending`).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    asked = set(words) - {"-q", "--quiet", "-v", "--verbose", "--no-progress"}
    if asked in ({"-V"}, {"--version"}):
        from envc import __version__

        sys.stdout.write(f"envc {__version__}\n")
        return 0
    if words in ([], ["-h"], ["--help"], ["help"]):
        from envc.cli.commands import overview

        (sys.stdout if words else sys.stderr).write(overview())
        return 0 if words else 2
    if listening:
        from envc.cli.again import again

        status = again(words, carriers or {})
        if status is not None:
            return status
    from envc.cli.call import answer

    return answer(words, carriers or {}, listening=listening)
