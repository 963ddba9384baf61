"""`envc rollback`."""

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import OVERLAY, TARGET_OR_OVERLAY, folder_of
from envc.cli.output import Output


def _run(arguments: Arguments) -> Output:
    from envc.commands.generations import rollback

    report = rollback(folder_of(arguments), arguments.to)
    state = "switched to" if report.changed else "already on"
    return Output(report, told=[f"{report.target}: {state} generation {report.generation}"])


COMMAND = Command(
    _run,
    example="envc rollback --target /usr/local/Canopy",
    options=(
        TARGET_OR_OVERLAY,
        OVERLAY,
        Option(
            "--to",
            "N",
            "this generation (default: the one before the current)",
            kind=whole,
            strays=True,
        ),
    ),
)
