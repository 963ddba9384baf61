"""`envc rollout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.reports.rollout import RolloutReport

EXAMPLE = "envc rollout --nodes n[1-16] --target /usr/local/Canopy --state /shared/canopy-state"

_UNFINISHED = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.node_options import add_node_options
    from envc.cli.trust_options import add_sign_option

    add_node_options(parser)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="BUNDLE",
        help="a bundle, which is brought to nodes, or a folder of wheels that they see",
    )
    parser.add_argument(
        "--python", metavar="PATH", help="the nodes' interpreter (default: the site's core)"
    )
    parser.add_argument(
        "--canary",
        type=int,
        default=1,
        metavar="N",
        help="prepare and switch N nodes before any other is touched (1)",
    )
    parser.add_argument(
        "--batch", type=int, default=0, metavar="N", help="switch N nodes at once (0: all)"
    )
    parser.add_argument(
        "--max-failures",
        type=int,
        default=0,
        metavar="N",
        help="switch the others although N nodes failed (0)",
    )
    parser.add_argument(
        "--retries", type=int, default=1, metavar="N", help="ask a node that failed again (1)"
    )
    add_sign_option(parser)
    parser.add_argument(
        "--replace-keys",
        action="store_true",
        help="have nodes trust the site's keys from now on, whatever they have trusted",
    )
    parser.add_argument(
        "--events", metavar="FILE", help="append a line of JSON for each step of a node"
    )


def run(arguments: argparse.Namespace) -> int:
    """Roll out; the status is 4 where a node is left."""
    import os

    from envc.cli.context import context_of
    from envc.cli.node_options import limits_of
    from envc.cli.output import print_json
    from envc.cli.rollout_progress import progress_of
    from envc.cli.trust_options import signing_keys
    from envc.cluster import engine_of
    from envc.commands.rollout import roll_out
    from envc.rollout.values import RolloutOptions

    options = RolloutOptions(
        nodes=arguments.nodes,
        target=os.path.abspath(arguments.target),
        source=os.path.abspath(arguments.source) if arguments.source else None,
        state=os.path.abspath(arguments.state) if arguments.state else None,
        python=arguments.python,
        canary=arguments.canary,
        batch=arguments.batch,
        max_failures=arguments.max_failures,
        retries=arguments.retries,
        sign=signing_keys(arguments),
        replace_keys=arguments.replace_keys,
        limits=limits_of(arguments),
    )
    engine = engine_of(arguments.engine)
    with progress_of(arguments) as heard:
        report = roll_out(arguments.site, options, engine, context_of(arguments), heard)
    if arguments.json:
        print_json(report)
    else:
        _say(arguments, report)
    return 0 if report.ok else _UNFINISHED


def _say(arguments: argparse.Namespace, report: RolloutReport) -> None:
    from envc.cli.output import say

    for state, nodes in report.sets.items():
        say(arguments, f"{state}: {nodes}")
    for node, each in report.nodes.items():
        if each.state in {"failed", "pending"} or (each.reason and not report.ok):
            say(arguments, f"  {node}: {each.state}: {each.reason}")
            if each.mend:
                say(arguments, f"     mend: {each.mend}")
    if report.stopped:
        say(arguments, f"stopped: {report.stopped}; no further node was switched")
    if not report.ok:
        say(arguments, "run the same command again: it goes on with the nodes that are left")
