"""`envc why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.why import WhyReport
    from envc.resolve import Asking, Held

EXAMPLE = "envc why numpy"

_SHOWN_VERSIONS = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("project", metavar="PROJECT", help="the project to explain")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--layer", metavar="L", help="in this common layer (default: user)")
    which.add_argument("--overlay", metavar="FILE", help="in the overlay of this spec")
    parser.add_argument("--offline", action="store_true", help="use the cache alone")


def run(arguments: argparse.Namespace) -> int:
    """Say why."""
    import sys

    from envc.cli.context import context_of, site_of
    from envc.cli.output import print_json
    from envc.commands.why import why_in_layer, why_in_overlay

    context = context_of(arguments, offline=arguments.offline)
    site = site_of(arguments)
    if arguments.overlay is not None:
        report = why_in_overlay(site, arguments.overlay, arguments.project, context)
    else:
        report = why_in_layer(site, arguments.layer or "user", arguments.project, context)
    if arguments.json:
        print_json(report)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(report))
    return 0


def lines(report: WhyReport) -> Iterator[str]:
    """The answer in lines: the pin, who asks for it, and what excludes newer releases."""
    yield f"{report.project} {report.version}  [{report.layer}] ({report.target})"
    yield "asked for by"
    for asking in report.asked:
        yield from _asking(asking)
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


def _asking(asking: Asking) -> Iterator[str]:
    if not asking.path:
        word = "keeps" if asking.by == "base" else "requires"
        yield f"  {asking.where} {word} {asking.requirement}"
        return
    overridden = f" (so overridden at {asking.where})" if asking.where else ""
    yield f"  {asking.by} requires {asking.requirement}{overridden}"
    *way, _ = asking.path
    yield f"    {' → '.join(way)}"


def _versions(held: Held) -> str:
    shown = ", ".join(held.versions[:_SHOWN_VERSIONS])
    more = len(held.versions) - _SHOWN_VERSIONS
    return f"{shown} and {more} more" if more > 0 else shown
