"""`envc verify`."""

from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import OVERLAY, TARGET_OR_OVERLAY, folder_of
from envc.cli.output import Output, counted, first_lines

if TYPE_CHECKING:
    from envc.reports.verify import VerifyProblem


def _run(arguments: Arguments) -> Output:
    from envc.commands.verify import verify

    report = verify(folder_of(arguments), fast=arguments.fast)
    state = "as published" if report.ok else counted(len(report.problems), "problem")
    return Output(
        report,
        printed=first_lines([_line(problem) for problem in report.problems]),
        told=[f"{report.target}: generation {report.generation}: {state}"],
        status=0 if report.ok else 1,
    )


def _line(problem: "VerifyProblem") -> str:
    owner = f" ({problem.project})" if problem.project else ""
    return f"{problem.kind}: {problem.layer}: {problem.path}{owner}"


COMMAND = Command(
    _run,
    example="envc verify --target /usr/local/Canopy",
    options=(
        TARGET_OR_OVERLAY,
        OVERLAY,
        Option("--fast", "", "trust sizes, modes and times; read no contents"),
    ),
)
