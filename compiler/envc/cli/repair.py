"""`envc repair`."""

from envc.cli.grammar import Arguments, Command
from envc.cli.options import OFFLINE, OVERLAY, TARGET_OR_OVERLAY, folder_of, wheels_from
from envc.cli.output import Output, counted, first_lines


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.repair import repair

    report = repair(folder_of(arguments), arguments.source, context_of(arguments))
    mended = [f"NOT repaired: {m.kind}: {m.where}: {m.path}" for m in report.unrepaired]
    mended += [f"repaired: {m.kind}: {m.where}: {m.path}" for m in report.repaired]
    total = counted(len(report.repaired), "path")
    return Output(
        report,
        printed=first_lines(mended),
        told=[f"{report.target}: {total} repaired, {len(report.unrepaired)} left"],
        status=0 if report.ok else 1,
    )


COMMAND = Command(
    _run,
    example="envc repair --target /usr/local/Canopy",
    options=(
        TARGET_OR_OVERLAY,
        OVERLAY,
        wheels_from("a folder of wheels to take first"),
        OFFLINE,
    ),
)
