"""`envc repair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc repair --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.arguments import add_directory_option

    add_directory_option(parser)
    parser.add_argument(
        "--from", dest="source", metavar="WHEELHOUSE", help="a folder of wheels to take first"
    )
    parser.add_argument("--offline", action="store_true", help="ask no index")


def run(arguments: argparse.Namespace) -> int:
    """Repair; the status is 1 when something could not be mended."""
    from envc.cli.context import context_of
    from envc.cli.output import counted, print_json, print_lines, say
    from envc.commands.repair import repair

    context = context_of(arguments, offline=arguments.offline)
    report = repair(arguments.target, arguments.source, context)
    if arguments.json:
        print_json(report)
    else:
        lines = [f"NOT repaired: {m.kind}: {m.where}: {m.path}" for m in report.unrepaired]
        lines += [f"repaired: {m.kind}: {m.where}: {m.path}" for m in report.repaired]
        print_lines(lines)
        total = counted(len(report.repaired), "path")
        say(arguments, f"{report.target}: {total} repaired, {len(report.unrepaired)} left")
    return 0 if report.ok else 1
