"""`envc init`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.options import FROM_OTHERS, sources_of
from envc.cli.output import Output, counted

if TYPE_CHECKING:
    from envc.reports.change import LeftOut
    from envc.reports.init import InitFromReport


def _run(arguments: Arguments) -> Output:
    from envc.commands.init import init_site, init_site_from

    folder, sources = arguments.folder or ".", sources_of(arguments)
    if not sources:
        report = init_site(folder)
        return Output(report, told=[f"wrote {report.path}; edit it, then run `envc lock`"])
    from envc.arrivals import Chosen

    chosen = Chosen.of(arguments.extra, arguments.group)
    made = init_site_from(folder, sources, chosen)
    return Output(made, told=_told(made))


def _told(report: "InitFromReport") -> Iterator[str]:
    asked = counted(len(report.requires), "requirement")
    yield f"wrote {report.path}: {asked}; look at it, then run `envc lock`"
    if report.pins_path:
        yield f"wrote {report.pins_path}: {counted(len(report.pins), 'pin')} that the lock keeps"
    yield from said_of_left_out(report.left_out)


def said_of_left_out(left_out: Iterable["LeftOut"]) -> Iterator[str]:
    """What was left out, and what a person may do about it."""
    for each in left_out:
        yield f"left out: {each.what}{f' ({each.where})' if each.where else ''}"
        yield f"    {each.mend}"


COMMAND = Command(
    _run,
    example="envc init cluster --from requirements.txt && cd cluster && envc lock",
    options=FROM_OTHERS,
    operands=(Operand("DIR", "the site's folder (default: here)", "folder", "?"),),
)
