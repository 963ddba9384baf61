"""Reports to stdout and stderr: data there, messages here."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from envc.cli.again import replace_process
from envc.cli.grammar import Arguments
from envc.errors import OutsideError
from envc.formats.harmless import harmless, harmless_lines

__all__ = ["Launch", "Output", "as_json", "become", "counted", "first_lines", "harmless"]
__all__ += ["harmless_lines", "lines", "print_json", "show", "table"]
_MANY_LINES = 100
# As a shell has them.
_NOT_RUN, NOT_FOUND = 126, 127


class Launch(NamedTuple):
    """A program that this process is to become: its words, and how its environment differs."""

    command: Sequence[str]
    variables: Mapping[str, str]
    dropped: Sequence[str] = ()


class Output(NamedTuple):
    """What a command has to say: its report with `--json`, else what it prints and tells.

    `printed` goes to stdout as it is, `told` to stderr, a line each. A `launch` comes after that.
    """

    report: Any = None
    printed: Iterable[str] = ()
    told: Iterable[str] = ()
    status: int = 0
    launch: Launch | None = None


def show(output: Output, arguments: Arguments) -> int:
    """Print it; the exit status."""
    if arguments.json:
        print_json(output.report)
        return output.status
    sys.stdout.writelines(output.printed)
    if not arguments.quiet:
        with suppress(OSError):  # what is told is no part of the answer
            sys.stderr.writelines(lines(output.told))
    return output.status


def become(launch: Launch) -> None:
    """Replace this process.

    Raises:
        OutsideError: the program is not found, or cannot be run.
    """
    try:
        replace_process(*launch)
    except OSError as error:
        told = OutsideError(
            f"{launch.command[0]} cannot be run: {error.strerror}",
            where=launch.variables["VIRTUAL_ENV"],
            mend="check the command's name; the stack's own are in its bin folder",
        )
        told.status = NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN
        raise told from error


def print_json(report: Any) -> None:
    """A report, or a dict, as one JSON object on stdout, its fields in their order."""
    from dataclasses import asdict

    sys.stdout.write(as_json(report if isinstance(report, dict) else asdict(report)))


def as_json(values: dict[str, Any]) -> str:
    """One JSON object, its fields in their order; no line of it is a command to a CI system."""
    import json

    return json.dumps(values, indent=2, default=str).replace("##", "#\\u0023") + "\n"


def lines(texts: Iterable[str]) -> Iterator[str]:
    """Each text as a line, harmless."""
    return (f"{harmless(text)}\n" for text in texts)


def first_lines(texts: Sequence[str]) -> Iterator[str]:
    """The texts as lines, the first of them only where there are very many."""
    yield from lines(texts[:_MANY_LINES])
    if len(texts) > _MANY_LINES:
        yield f"and {len(texts) - _MANY_LINES} more; --json has them all\n"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as lines, their columns aligned; all rows are of one length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield harmless("  ".join(cells).rstrip()) + "\n"


def counted(number: int, noun: str) -> str:
    """`1 pin`, `2 pins`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
