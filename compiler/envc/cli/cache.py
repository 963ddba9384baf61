"""`envc cache`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.output import Output, counted, table

if TYPE_CHECKING:
    from envc.reports.cache import CacheReport


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.cache import clean_cache, show_cache

    context = context_of(arguments)
    report = clean_cache(context) if arguments.action == "clean" else show_cache(context)
    if arguments.action == "list":
        return Output(report, printed=table(list(_rows(report))))
    if not report.removed:
        return Output(report, printed=[f"{report.folder}\n"])
    amount = f"{counted(report.files, 'file')}, {report.size_bytes / 1e6:.1f} MB"
    return Output(report, told=[f"{report.folder}: removed {amount}"])


def _rows(report: "CacheReport") -> Iterator[tuple[str, ...]]:
    for name, part in report.parts.items():
        yield name, counted(part.files, "file"), f"{part.size_bytes / 1e6:.1f} MB"
    most = f"of {report.most_bytes / 1e9:g} GB"
    yield "together", counted(report.files, "file"), f"{report.size_bytes / 1e6:.1f} MB {most}"


COMMAND = Command(
    _run,
    example="envc cache clean",
    operands=(
        Operand(
            "ACTION",
            "print its folder (ENVC_CACHE_DIR chooses another), list what it holds, or remove it",
            into="action",
            choices=("dir", "list", "clean"),
        ),
    ),
)
