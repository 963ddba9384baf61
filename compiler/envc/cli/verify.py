"""`envc verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.reports.verify import VerifyProblem

EXAMPLE = "envc verify --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.arguments import add_directory_option

    add_directory_option(parser)
    parser.add_argument(
        "--fast", action="store_true", help="trust sizes, modes and times; read no contents"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify; the status is 1 when there are problems."""
    from envc.cli.output import counted, print_json, print_lines, say
    from envc.commands.verify import verify

    report = verify(arguments.target, fast=arguments.fast)
    if arguments.json:
        print_json(report)
    else:
        print_lines(list(map(_line, report.problems)))
        state = "as published" if report.ok else counted(len(report.problems), "problem")
        say(arguments, f"{report.target}: generation {report.generation}: {state}")
    return 0 if report.ok else 1


def _line(problem: VerifyProblem) -> str:
    owner = f" ({problem.project})" if problem.project else ""
    return f"{problem.kind}: {problem.layer}: {problem.path}{owner}"
