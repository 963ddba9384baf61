"""`envc init`."""

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.output import Output


def _run(arguments: Arguments) -> Output:
    from envc.commands.init import init_site

    report = init_site(arguments.folder or ".")
    return Output(report, told=[f"wrote {report.path}; edit it, then run `envc lock`"])


COMMAND = Command(
    _run,
    example="envc init cluster && cd cluster && envc lock",
    operands=(Operand("DIR", "the site's folder (default: here)", "folder", "?"),),
)
