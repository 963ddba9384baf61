"""`envc init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc init cluster && cd cluster && envc lock"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="default: here")


def run(arguments: argparse.Namespace) -> int:
    """Write the spec."""
    from envc.cli.output import print_json, say
    from envc.commands.init import init_site

    report = init_site(arguments.folder)
    if arguments.json:
        print_json(report)
    say(arguments, f"wrote {report.path}; edit it, then run `envc lock`")
    return 0
