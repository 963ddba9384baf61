"""`envc converge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc converge --target /usr/local/Canopy --check"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.trust_options import add_trust_option

    parser.add_argument("--target", required=True, metavar="DIR", help="the target directory")
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="the folder of the wanted state (default: what the last roll-out noted)",
    )
    parser.add_argument("--check", action="store_true", help="only say whether it is converged")
    add_trust_option(parser)
    parser.add_argument("--offline", action="store_true", help="ask no index")


def run(arguments: argparse.Namespace) -> int:
    """Converge; with `--check` the status is 1 where something is to be done."""
    from envc.cli.context import context_of
    from envc.cli.output import counted, print_json, say
    from envc.cli.trust_options import trusted_keys
    from envc.commands.converge import check_converged, converge
    from envc.fleet.prepare import target_directory

    directory = target_directory(arguments.target)
    keys = trusted_keys(arguments)
    if arguments.check:
        report = check_converged(directory, arguments.state, keys)
    else:
        context = context_of(arguments, offline=arguments.offline)
        report = converge(directory, arguments.state, context, keys)
    if arguments.json:
        print_json(report)
    elif report.converged:
        say(arguments, f"{report.target}: converged: on generation {report.generation}")
    else:
        lacks = counted(len(report.missing), "wanted generation")
        runs = "none" if report.generation is None else str(report.generation)
        say(arguments, f"{report.target}: not converged: lacks {lacks}, runs generation {runs}")
    return 0 if report.converged else 1
