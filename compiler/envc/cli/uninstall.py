"""`envc uninstall`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc uninstall --target /usr/local/Canopy --dry-run"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--target", required=True, metavar="DIR", help="the target directory")
    parser.add_argument("--yes", action="store_true", help="do not ask, on a terminal")
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")


def run(arguments: argparse.Namespace) -> int:
    """Remove the target."""
    from envc.cli.output import print_json, say
    from envc.commands.uninstall import uninstall

    if not (arguments.dry_run or arguments.yes or _agreed(arguments.target)):
        say(arguments, "nothing was removed")
        return 0
    report = uninstall(arguments.target, dry_run=arguments.dry_run)
    if arguments.json:
        print_json(report)
        return 0
    verb = "would remove" if report.dry_run else "removed"
    say(arguments, f"{report.target}: {verb} {', '.join(report.removed)}")
    if report.left:
        say(arguments, f"  not envc's, and left there: {', '.join(report.left)}")
    return 0


def _agreed(target: str) -> bool:
    """Whether the person at the terminal wants it; scripts are not asked."""
    import sys

    if not sys.stdin.isatty():
        return True
    sys.stderr.write(f"remove {target}, with every generation in it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
