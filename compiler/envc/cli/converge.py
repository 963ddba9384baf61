"""`envc converge`."""

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import OFFLINE, TARGET, TRUST, target_of, trusted_keys
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.converge import check_converged, converge
    from envc.fleet.prepare import target_directory

    directory = target_directory(target_of(arguments))
    keys = trusted_keys(arguments)
    if arguments.check:
        report = check_converged(directory, arguments.state, keys)
    else:
        report = converge(directory, arguments.state, context_of(arguments), keys)
    if report.converged:
        state = f"converged: on generation {report.generation}"
    else:
        lacks = counted(len(report.missing), "wanted generation")
        runs = "none" if report.generation is None else str(report.generation)
        state = f"not converged: lacks {lacks}, runs generation {runs}"
    return Output(report, told=[f"{report.target}: {state}"], status=0 if report.converged else 1)


COMMAND = Command(
    _run,
    example="envc converge --target /usr/local/Canopy --check",
    options=(
        TARGET,
        Option(
            "--state",
            "DIR",
            "the folder of the wanted state (default: what the last roll-out noted)",
        ),
        Option("--check", "", "only say whether it is converged; status 1: it is not"),
        TRUST,
        OFFLINE,
    ),
)
