"""`envc verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc verify --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--target", required=True, metavar="DIR", help="a target directory, or an overlay's folder"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify; the status is 1 when there are problems."""
    import sys

    from envc.cli.output import counted, print_json, say
    from envc.pipeline.verify import verify

    report = verify(arguments.target)
    if arguments.json:
        print_json(report)
    else:
        for problem in report.problems:
            owner = f" ({problem.project})" if problem.project else ""
            sys.stdout.write(f"{problem.kind}: {problem.layer}: {problem.path}{owner}\n")
        state = "as published" if report.ok else counted(len(report.problems), "problem")
        say(arguments, f"{report.target}: generation {report.generation}: {state}")
    return 0 if report.ok else 1
