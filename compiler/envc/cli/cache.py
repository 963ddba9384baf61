"""`envc cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc cache clean"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "action",
        choices=["dir", "clean"],
        help="dir: print its folder (ENVC_CACHE_DIR chooses another); clean: remove what it holds",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show or clean."""
    import sys

    from envc.cli.context import context_of
    from envc.cli.output import counted, print_json, say
    from envc.commands.cache import clean_cache, show_cache

    context = context_of(arguments)
    report = clean_cache(context) if arguments.action == "clean" else show_cache(context)
    if arguments.json:
        print_json(report)
        return 0
    amount = f"{counted(report.files, 'file')}, {report.size_bytes / 1e6:.1f} MB"
    if report.removed:
        say(arguments, f"{report.folder}: removed {amount}")
    else:
        sys.stdout.write(f"{report.folder}\n")
    return 0
