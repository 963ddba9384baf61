"""`envc rollout`."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import (
    NODES,
    SIGN,
    limits_of,
    nodes_engine,
    nodes_of,
    signing_keys,
    state_of,
    supplied_by,
    target_of,
)
from envc.cli.output import Output
from envc.errors import help_line

if TYPE_CHECKING:
    from envc.reports.rollout import RolloutReport
    from envc.rollout.values import Quorum

_UNFINISHED = 4


def quorum(text: str) -> "Quorum":
    """A number of nodes, or a share of them: `95%`."""
    from envc.rollout.values import Quorum

    number, is_share = text.removesuffix("%"), text.endswith("%")
    if not number.isdecimal() or not 1 <= int(number) <= (100 if is_share else 1_000_000):
        raise ValueError("neither a number of nodes nor a share such as 95%")
    return Quorum(int(number), is_share)


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.cli.rollout_progress import progress_of
    from envc.commands.rollout import roll_out
    from envc.rollout.values import RolloutOptions

    options = RolloutOptions(
        nodes=nodes_of(arguments),
        target=target_of(arguments),
        source=os.path.abspath(arguments.supply) if arguments.supply else None,
        state=state_of(arguments),
        python=arguments.python,
        canary=arguments.canary,
        batch=arguments.batch,
        max_failures=arguments.max_failures,
        quorum=arguments.quorum,
        retries=arguments.retries,
        sign=signing_keys(arguments),
        replace_keys=arguments.replace_keys,
        limits=limits_of(arguments),
    )
    engine = nodes_engine(arguments)
    with progress_of(arguments) as heard:
        report = roll_out(arguments.site, options, engine, context_of(arguments), heard)
    return Output(report, told=_told(report), status=0 if report.ok else _UNFINISHED)


def _told(report: "RolloutReport") -> Iterator[str]:
    for state, nodes in report.sets.items():
        yield f"{state}: {nodes}"
    for node, each in report.nodes.items():
        if each.state in {"failed", "pending"} or (each.reason and not report.ok):
            yield f"  {node}: {each.state}: {each.reason}"
            if each.mend:
                yield f"     {help_line(each.mend)}"
    if report.stopped:
        yield f"stopped: {report.stopped}; no further node was switched"
    if not report.ok:
        yield "run the same command again: it goes on with the nodes that are left"


COMMAND = Command(
    _run,
    example="envc rollout --nodes 'n[1-16]' --target /usr/local/Canopy "
    "--state /shared/canopy-state",
    options=(
        *NODES,
        supplied_by(
            "BUNDLE", "a bundle, which is brought to nodes, or a folder of wheels that they see"
        ),
        Option("--python", "PATH", "the nodes' interpreter (default: the site's core)"),
        Option(
            "--canary",
            "N",
            "prepare and switch N nodes before any other is touched (1)",
            kind=whole,
            default=1,
        ),
        Option("--batch", "N", "switch N nodes at once (0: all)", kind=whole, default=0),
        Option(
            "--max-failures",
            "N",
            "switch the others although N nodes failed (0; with --quorum: any number)",
            kind=whole,
        ),
        Option(
            "--quorum",
            "N|P%",
            "switch as soon as so many nodes, or per cent of them, are ready, without the others",
            kind=quorum,
        ),
        Option("--retries", "N", "ask a node that failed again (1)", kind=whole, default=1),
        SIGN,
        Option(
            "--replace-keys",
            "",
            "have nodes trust the site's keys from now on, whatever they have trusted",
        ),
        Option("--events", "FILE", "append a line of JSON for each step of a node"),
    ),
)
