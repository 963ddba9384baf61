"""`envc node`: the steps that a roll-out takes on each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.host.context import Context
    from envc.reports.node import NodeReport

EXAMPLE = "envc node status --target /usr/local/Canopy --json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "step",
        choices=["prepare", "switch", "status", "collect"],
        help="build a parcel's generation; switch to one; say what is here; collect garbage",
    )
    parser.add_argument("--target", required=True, metavar="DIR", help="the target directory")
    parser.add_argument("--state", metavar="DIR", help="the folder of the wanted state")
    parser.add_argument("--parcel", metavar="DIGEST", help="prepare: the site's spec and locks")
    parser.add_argument(
        "--from", dest="source", metavar="WHEELHOUSE", help="prepare: a folder of wheels"
    )
    parser.add_argument(
        "--bundle", metavar="DIGEST", help="prepare: the bundle that stands in --state"
    )
    parser.add_argument(
        "--core", metavar="DIGEST", help="prepare: the interpreter's file in --state"
    )
    parser.add_argument(
        "--question", metavar="NAME", help="leave the answer for who asks the same again"
    )
    parser.add_argument("--digest", metavar="DIGEST", help="switch: to this generation")
    parser.add_argument(
        "--wanted",
        metavar="BASE64",
        help="the wanted state: signed, or where nodes share no folder",
    )
    parser.add_argument("--signed", metavar="BASE64", help="the signatures of --wanted")
    parser.add_argument(
        "--replace-keys", action="store_true", help="trust the keys that the parcel names"
    )
    parser.add_argument(
        "--keep", type=int, default=1, metavar="N", help="how many generations to hold (1)"
    )
    parser.add_argument("--operator", metavar="NAME", help="switch: who asked, for the audit log")
    parser.add_argument("--drift", action="store_true", help="status: compare the trees, too")
    parser.add_argument(
        "--newest", type=int, metavar="N", help="collect: keep so many, whatever [retain] says"
    )
    parser.add_argument("--dry-run", action="store_true", help="collect: remove nothing")


def run(arguments: argparse.Namespace) -> int:
    """Take the step; the answer is one line that a roll-out finds among all else."""
    import sys
    from dataclasses import asdict

    from envc.cli.context import context_of
    from envc.cli.output import print_json
    from envc.errors import EnvcError
    from envc.fleet.node_report import node_failure
    from envc.formats.node_line import node_line

    if arguments.json:
        print_json(_step(arguments, context_of(arguments)))
        return 0
    try:
        report = _step(arguments, context_of(arguments))
    except EnvcError as error:
        report = node_failure(arguments.target, arguments.step, error=error)
    sys.stdout.write(node_line(asdict(report)))
    return report.status


def _step(arguments: argparse.Namespace, context: Context) -> NodeReport:
    from envc.commands.node import (
        PrepareOrder,
        SwitchOrder,
        collect_step,
        prepare_step,
        status_step,
        switch_step,
    )
    from envc.errors import UsageError
    from envc.fleet.prepare import target_directory
    from envc.fleet.statement import statement_of
    from envc.model.digest import Digest

    directory = target_directory(arguments.target)
    if arguments.step == "status":
        return status_step(directory, drift=arguments.drift)
    if arguments.step == "collect":
        return collect_step(directory, newest=arguments.newest, dry_run=arguments.dry_run)
    needed = {"prepare": ("state", "parcel"), "switch": ("state", "digest")}[arguments.step]
    for name in needed:
        if getattr(arguments, name) is None:
            raise UsageError(f"{arguments.step} needs --{name}", mend="see `envc node --help`")
    statement = statement_of(arguments.wanted, arguments.signed)
    prepared = None
    if arguments.parcel is not None:
        prepared = PrepareOrder(
            state=arguments.state,
            parcel=Digest(arguments.parcel),
            source=arguments.source,
            bundle=arguments.bundle and Digest(arguments.bundle),
            core=arguments.core and Digest(arguments.core),
            statement=statement,
            replace_keys=arguments.replace_keys,
            keep=arguments.keep,
            question=arguments.question,
        )
    if arguments.step == "prepare" and prepared is not None:
        return prepare_step(directory, prepared, context)
    order = SwitchOrder(
        state=arguments.state,
        digest=Digest(arguments.digest),
        statement=statement,
        keep=arguments.keep,
        operator=arguments.operator,
        prepared=prepared,
    )
    return switch_step(directory, order, context)
