"""`envc node`: the steps that a roll-out takes on each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.host.context import Context
    from envc.model.nodes import WantedGeneration
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
    from envc.commands.generations import collect
    from envc.commands.node import (
        NodeOrder,
        collect_step,
        prepare_step,
        status_step,
        switch_step,
    )
    from envc.commands.verify import verify
    from envc.errors import UsageError
    from envc.fleet.prepare import target_directory
    from envc.fleet.state import StateFolder
    from envc.formats.wanted import statement_of
    from envc.model.digest import Digest

    directory = target_directory(arguments.target)
    if arguments.step == "status":
        looks = arguments.drift and directory.current_number() is not None
        drift = len(verify(directory.path).problems) if looks else None
        return status_step(directory, drift=drift)
    if arguments.step == "collect":
        done = collect(directory.path, newest=arguments.newest, dry_run=arguments.dry_run)
        return collect_step(directory, done)
    needed = {"prepare": ("state",), "switch": ("state", "digest")}[arguments.step]
    for name in needed:
        if getattr(arguments, name) is None:
            raise UsageError(f"{arguments.step} needs --{name}", mend="see `envc node --help`")
    order = NodeOrder(
        state=StateFolder(arguments.state),
        wanted=_wanted(arguments) if arguments.parcel is not None else None,
        statement=statement_of(arguments.wanted, arguments.signed),
        replace_keys=arguments.replace_keys,
        keep=arguments.keep,
        question=arguments.question,
    )
    if arguments.step == "prepare":
        return prepare_step(directory, order, context)
    digest = Digest(arguments.digest)
    return switch_step(directory, order, digest, arguments.operator, context)


def _wanted(arguments: argparse.Namespace) -> WantedGeneration:
    """What the generation is to be made from, as a wanted state names it."""
    from envc.fleet.state import StateFolder
    from envc.model.nodes import WantedGeneration

    bundle = arguments.bundle and StateFolder(".").place("bundle", arguments.bundle)
    return WantedGeneration(
        closures={},
        parcel=arguments.parcel,
        source=bundle or arguments.source,
        since="",
        core=arguments.core,
    )
