"""`envc node`: the steps that a roll-out takes on each node."""

from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand, Option, whole
from envc.cli.options import TARGET, target_of
from envc.cli.output import Output

if TYPE_CHECKING:
    from envc.host.context import Context
    from envc.model.nodes import WantedGeneration
    from envc.reports.node import NodeReport


def _run(arguments: Arguments) -> Output:
    """Take the step; the answer is one line that a roll-out finds among all else."""
    from dataclasses import asdict

    from envc.cli.context import context_of
    from envc.errors import EnvcError
    from envc.fleet.node_report import node_failure
    from envc.formats.node_line import node_line

    target, context = target_of(arguments), context_of(arguments)
    if arguments.json:
        return Output(_step(target, arguments, context))
    try:
        report = _step(target, arguments, context)
    except EnvcError as error:
        report = node_failure(target, arguments.step, error=error)
    return Output(report, printed=[node_line(asdict(report))], status=report.status)


def _step(target: str, arguments: Arguments, context: "Context") -> "NodeReport":
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

    directory = target_directory(target)
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
        node=arguments.node,
    )
    if arguments.step == "prepare":
        return prepare_step(directory, order, context)
    digest = Digest(arguments.digest)
    return switch_step(directory, order, digest, arguments.operator, context)


def _wanted(arguments: Arguments) -> "WantedGeneration":
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


COMMAND = Command(
    _run,
    example="envc node status --target /usr/local/Canopy --json",
    operands=(
        Operand(
            "STEP",
            "build a parcel's generation; switch to one; say what is here; collect garbage",
            "step",
            choices=("prepare", "switch", "status", "collect"),
        ),
    ),
    options=(
        TARGET,
        Option("--state", "DIR", "the folder of the wanted state"),
        Option("--node", "NAME", "what this node is called in sets of nodes"),
        Option("--parcel", "DIGEST", "prepare: the site's spec and locks"),
        Option("--from", "WHEELHOUSE", "prepare: a folder of wheels", into="source"),
        Option("--bundle", "DIGEST", "prepare: the bundle that stands in --state"),
        Option("--core", "DIGEST", "prepare: the interpreter's file in --state"),
        Option("--question", "NAME", "leave the answer for who asks the same again"),
        Option("--digest", "DIGEST", "switch: to this generation"),
        Option("--wanted", "BASE64", "the wanted state, as `envc rollout` packs it"),
        Option("--signed", "BASE64", "the signatures of --wanted"),
        Option("--replace-keys", "", "trust the keys that the parcel names"),
        Option("--keep", "N", "how many generations to hold (1)", kind=whole, default=1),
        Option("--operator", "NAME", "switch: who asked, for the audit log"),
        Option("--drift", "", "status: compare the trees, too"),
        Option("--newest", "N", "collect: keep so many, whatever [retain] says", kind=whole),
        Option("--dry-run", "", "collect: remove nothing"),
    ),
)
