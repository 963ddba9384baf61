"""`envc gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc gc --target /usr/local/Canopy --dry-run"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--target", required=True, metavar="DIR", help="a target directory, or an overlay's folder"
    )
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="keep the newest N (default: what the site's [retain] says)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")


def run(arguments: argparse.Namespace) -> int:
    """Collect."""
    from envc.cli.output import counted, print_json, say
    from envc.pipeline.targets.generations import collect

    report = collect(arguments.target, newest=arguments.keep, dry_run=arguments.dry_run)
    if arguments.json:
        print_json(report)
        return 0
    verb = "would remove" if report.dry_run else "removed"
    generations = counted(len(report.removed), "generation")
    trees = counted(len(report.stored_trees_removed), "stored tree")
    say(arguments, f"{report.target}: {verb} {generations} and {trees}")
    for number, reason in report.kept.items():
        say(arguments, f"  generation {number} stays: {reason}")
    return 0
