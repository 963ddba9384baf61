"""`envc stage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc stage /shared/canopy/alice/plots --to $SLURM_TMPDIR"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("overlay", metavar="OVERLAY", help="its folder, or a packed file")
    parser.add_argument(
        "--to",
        metavar="DIR",
        help="a folder on a local disk (default: ENVC_STAGE, else envc-<uid> on the scratch disk)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Stage the overlay, and print where it is."""
    import sys

    from envc.cli.context import context_of
    from envc.cli.output import counted, print_json, say
    from envc.overlays.stage import stage

    report = stage(arguments.overlay, arguments.to, context_of(arguments))
    if arguments.json:
        print_json(report)
    else:
        state = f"{counted(report.files, 'file')} unpacked" if report.changed else "staged already"
        say(arguments, f"{report.name}: {state}")
        sys.stdout.write(f"{report.path}\n")
    return 0
