"""`envc cache`."""

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.cache import clean_cache, show_cache

    context = context_of(arguments)
    report = clean_cache(context) if arguments.action == "clean" else show_cache(context)
    if not report.removed:
        return Output(report, printed=[f"{report.folder}\n"])
    amount = f"{counted(report.files, 'file')}, {report.size_bytes / 1e6:.1f} MB"
    return Output(report, told=[f"{report.folder}: removed {amount}"])


COMMAND = Command(
    _run,
    example="envc cache clean",
    operands=(
        Operand(
            "ACTION",
            "print its folder (ENVC_CACHE_DIR chooses another), or remove what it holds",
            into="action",
            choices=("dir", "clean"),
        ),
    ),
)
