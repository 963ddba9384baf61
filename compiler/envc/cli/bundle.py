"""`envc bundle`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc bundle -o canopy.envc"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.trust_options import add_sign_option

    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the bundle")
    parser.add_argument(
        "--from", dest="source", metavar="WHEELHOUSE", help="a folder of wheels to take first"
    )
    parser.add_argument("--offline", action="store_true", help="ask no index")
    add_sign_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the bundle."""
    from envc.cli.context import context_of, site_of
    from envc.cli.output import counted, print_json, say
    from envc.cli.trust_options import signing_keys
    from envc.commands.bundle import make_bundle

    context = context_of(arguments, offline=arguments.offline)
    report = make_bundle(
        site_of(arguments),
        arguments.output,
        arguments.source,
        context,
        sign=signing_keys(arguments),
    )
    if arguments.json:
        print_json(report)
        return 0
    trees = counted(report.trees, "stored tree")
    signed = ", signed" if report.signed else ""
    say(arguments, f"{report.path}: {trees}, {report.size_bytes / 1e6:.1f} MB{signed}")
    return 0
