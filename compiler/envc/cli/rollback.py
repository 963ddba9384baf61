"""`envc rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc rollback --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.arguments import add_directory_option

    add_directory_option(parser)
    parser.add_argument(
        "--to", type=int, metavar="N", help="this generation (default: the one before the current)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Switch back."""
    from envc.cli.output import print_json, say
    from envc.commands.generations import rollback

    report = rollback(arguments.target, arguments.to)
    if arguments.json:
        print_json(report)
    state = "switched to" if report.changed else "already on"
    say(arguments, f"{report.target}: {state} generation {report.generation}")
    return 0
