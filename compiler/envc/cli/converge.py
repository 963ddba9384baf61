"""`envc converge`."""

from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import OFFLINE, TARGET, TRUST, target_of, trusted_keys
from envc.cli.output import Output, counted

if TYPE_CHECKING:
    from envc.reports.converge import ConvergeReport

_MINUTE_SECONDS = 60


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.converge import ConvergeOrder, check_converged, converge
    from envc.fleet.prepare import target_directory

    directory = target_directory(target_of(arguments))
    order = ConvergeOrder(
        state=arguments.state,
        keys=trusted_keys(arguments),
        node=arguments.node or "",
        grace_seconds=_seconds(arguments.grace, "ENVC_GRACE_MINUTES"),
        spread_seconds=_seconds(arguments.spread, "ENVC_SPREAD_MINUTES"),
    )
    if arguments.check:
        report = check_converged(directory, order)
    else:
        report = converge(directory, order, context_of(arguments))
    is_behind = not report.converged and not report.due_seconds
    return Output(report, told=[f"{report.target}: {_told(report)}"], status=int(is_behind))


def _seconds(minutes: int | None, variable: str) -> float:
    """What the line says, else the environment, which an envc that knows neither overlooks."""
    from envc.disk.environment import amount_in

    amount = amount_in(variable, "minutes", 0.0, "minutes") if minutes is None else minutes
    return float(_MINUTE_SECONDS * amount)


def _told(report: "ConvergeReport") -> str:
    if report.group is None:
        return f"no wanted state for this node ({report.node})"
    if report.converged:
        return f"converged: on generation {report.generation}"
    if report.other_environments:
        return f"not converged: not as described: {', '.join(report.other_environments)}"
    lacks = counted(len(report.missing), "wanted generation")
    runs = "none" if report.generation is None else str(report.generation)
    told = f"not converged: lacks {lacks}, runs generation {runs}"
    if not report.due_seconds:
        return told
    return f"{told}; for {report.due_seconds:.0f} s more that is the roll-out's"


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
        Option(
            "--node",
            "NAME",
            "what roll-outs call this node (default: what the last one has told it, else "
            "ENVC_NODE, SLURMD_NODENAME, the host's name)",
        ),
        Option("--check", "", "only say whether it is converged; status 1: it is not"),
        Option(
            "--grace",
            "MINUTES",
            "leave a node that is behind to the roll-out for so long after a change (default: "
            "ENVC_GRACE_MINUTES, else 0)",
            kind=whole,
        ),
        Option(
            "--spread",
            "MINUTES",
            "then begin within so long, each node at a moment of its own (default: "
            "ENVC_SPREAD_MINUTES, else 0)",
            kind=whole,
        ),
        TRUST,
        OFFLINE,
    ),
)
