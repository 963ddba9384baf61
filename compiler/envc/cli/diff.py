"""`envc diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.diff import DiffReport

EXAMPLE = "envc diff /usr/local/Canopy@3 /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    what = "a lock file, a target's or an overlay's folder; DIR@N: its generation N"
    parser.add_argument("before", metavar="A", help=what)
    parser.add_argument("after", metavar="B", help="the same")


def run(arguments: argparse.Namespace) -> int:
    """Say what differs; the status is 1 where something does."""
    from envc.cli.output import print_json, print_lines, say
    from envc.commands.diff import diff

    report = diff(arguments.before, arguments.after)
    if arguments.json:
        print_json(report)
    elif report.equal:
        say(arguments, f"{report.before} and {report.after} have the same projects")
    else:
        print_lines(list(lines(report)))
    return 0 if report.equal else 1


def lines(report: DiffReport) -> Iterator[str]:
    """What differs, a line a project."""
    before, after = report.python
    if before is not None and after is not None and before != after:
        yield f"Python {before} -> {after}"
    for name, change in report.layers.items():
        yield f"{name}:"
        yield from (f"  {word}" for word in change.words())
