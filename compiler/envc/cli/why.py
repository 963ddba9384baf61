"""`envc why`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.options import FINDS, LAYER, OFFLINE, OVERLAY, spec_of
from envc.cli.output import Output, lines

if TYPE_CHECKING:
    from envc.reports.why import WhyReport
    from envc.resolve import Asking, Held

_SHOWN_VERSIONS = 3


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.why import why_in_layer, why_in_overlay

    site, context, project = site_of(arguments), context_of(arguments), arguments.project
    if arguments.overlay is not None:
        spec = spec_of(arguments.overlay, arguments.target)
        report = why_in_overlay(site, spec, project, context)
    else:
        report = why_in_layer(site, arguments.layer or "user", project, context)
    return Output(report, printed=lines(_answer(report)))


def _answer(report: "WhyReport") -> Iterator[str]:
    """The answer in lines: the pin, who asks for it, and what excludes newer releases."""
    yield f"{report.project} {report.version}  [{report.layer}] ({report.target})"
    if report.asked:
        yield "asked for by"
    else:
        yield f"kept by layer {report.layer}: nothing in the stack asks for it"
    for asking in report.asked:
        yield from _asking(asking, report.project)
    if report.newest is None:
        yield "no index has it any more"
    elif not report.held:
        yield "it is the newest release"
    else:
        yield (
            f"held back from {report.newest}, the newest release"
            if (report.newest != report.version)
            else "it is the newest release but for prereleases"
        )
        for held in report.held:
            yield f"  {_versions(held)}: {held.reason}"


def _asking(asking: "Asking", project: str) -> Iterator[str]:
    if not asking.path:
        word = "keeps" if asking.by == "base" else "requires"
        what = asking.requirement if asking.binding else f"{project} available"
        yield f"  {asking.where} {word} {what}"
        return
    overridden = f" (so overridden at {asking.where})" if asking.where else ""
    yield f"  {asking.by} requires {asking.requirement}{overridden}"
    *way, _ = asking.path
    yield f"    {' → '.join(way)}"


def _versions(held: "Held") -> str:
    shown = ", ".join(held.versions[:_SHOWN_VERSIONS])
    more = len(held.versions) - _SHOWN_VERSIONS
    return f"{shown} and {more} more" if more > 0 else shown


COMMAND = Command(
    _run,
    repeats=True,
    example="envc why numpy",
    operands=(Operand("PROJECT", "the project to explain", "project"),),
    options=(LAYER, OVERLAY, OFFLINE, FINDS),
    conflicts=(("--layer", "--overlay"),),
)
