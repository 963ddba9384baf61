"""`envc describe`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.output import Output, counted

if TYPE_CHECKING:
    from envc.reports.describe import DescribeReport


def _run(arguments: Arguments) -> Output:
    from envc.commands.describe import describe, write_inventory
    from envc.described.ask import script
    from envc.reports.describe import describe_report

    if arguments.script:
        return Output({"script": script()}, printed=[script()])
    inventory = describe(arguments.what, arguments.python)
    if arguments.output is not None:
        write_inventory(inventory, arguments.output)
    report = describe_report(inventory, arguments.output)
    return Output(report, told=_told(report))


def _told(report: "DescribeReport") -> Iterator[str]:
    many = counted(len(report.projects), "project")
    yield f"{report.python}: Python {report.python_full}, {many}"
    yield from (f"  {folder}" for folder in report.folders)
    known = ", ".join(f"{count} by {how}" for how, count in report.known.items())
    if known:
        yield f"  files known: {known}"
    if report.modules:
        yield f"  modules {', '.join(report.modules)}"
    if report.variables:
        yield f"  an activation sets {', '.join(report.variables)}"
    for word, found in (
        ("double", report.doubles),
        ("unmet", report.unmet),
        ("not read", report.unread),
    ):
        yield from (f"  {word}: {each}" for each in found)
    if report.path not in (None, "-"):
        yield f"wrote {report.path}"


COMMAND = Command(
    _run,
    example="envc describe /opt/vendor/bin/python3 -o base.json",
    operands=(
        Operand(
            "WHAT",
            "an interpreter, an environment's folder, folders joined by colons, an image (its "
            "archive or its root, of which nothing is run), what the script or `pip inspect` "
            "printed, or a list of versions: `pip freeze`, `conda list --json` (python3)",
            "what",
            "?",
        ),
    ),
    options=(
        Option("-o, --output", "FILE", "write the inventory there; - is stdout"),
        Option(
            "--python",
            "PATH",
            "the interpreter that is meant in an image (python3), or the Python of a list",
        ),
        Option("--script", "", "print the program that tells it where envc is not"),
    ),
)
