"""`envc diff`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.options import FINDS
from envc.cli.output import Output, first_lines

if TYPE_CHECKING:
    from envc.reports.diff import DiffReport

_WHAT = "a lock file, a target directory, or an overlay's name or folder; A@N: its generation N"


def _run(arguments: Arguments) -> Output:
    from envc.commands.diff import diff

    report = diff(arguments.before, arguments.after, arguments.target)
    if report.equal:
        return Output(report, told=[f"{report.before} and {report.after} have the same projects"])
    return Output(report, printed=first_lines(list(_changes(report))), status=1)


def _changes(report: "DiffReport") -> Iterator[str]:
    """What differs, a line a project."""
    before, after = report.python
    if before is not None and after is not None and before != after:
        yield f"Python {before} -> {after}"
    for name, change in report.layers.items():
        yield f"{name}:"
        yield from (f"  {word}" for word in change.words())


COMMAND = Command(
    _run,
    example="envc diff /usr/local/Canopy@3 /usr/local/Canopy",
    operands=(
        Operand("A", _WHAT, "before"),
        Operand("B", "what to compare it with, named likewise", "after"),
    ),
    options=(FINDS,),
)
