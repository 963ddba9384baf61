"""`envc overlay init|add|remove|sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from packaging.requirements import Requirement

    from envc.pipeline.overlay import OverlayReport

EXAMPLE = "envc overlay add 'polars>=1' --dir /shared/canopy/alice/plots"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser("init", help="create an overlay and build it")
    init.add_argument("name", nargs="?", help="its name, in your storage (default: your own)")
    init.add_argument("--base", metavar="L", help="the common layer to stand on")
    add = verbs.add_parser("add", help="add requirements, lock and build")
    add.add_argument("requirements", nargs="+", metavar="REQUIREMENT")
    remove = verbs.add_parser("remove", help="remove requirements, lock and build")
    remove.add_argument("projects", nargs="+", metavar="PROJECT")
    sync = verbs.add_parser("sync", help="lock and build what the spec says")
    sync.add_argument("--upgrade", action="store_true", help="let every pin move")
    for verb in (init, add, remove, sync):
        verb.add_argument("--dir", dest="folder", metavar="DIR", help="the overlay's folder")
        verb.add_argument("--target", metavar="DIR", help="where the common layers are")
        verb.add_argument("--offline", action="store_true", help="ask no index")
        _add_common(verb)


def _add_common(verb: argparse.ArgumentParser) -> None:
    from envc.cli.arguments import add_common

    add_common(verb)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb."""
    from envc.cli.output import print_json

    report = _carry_out(arguments)
    if arguments.json:
        print_json(report)
    else:
        _say(arguments, report)
    return 0


def _carry_out(arguments: argparse.Namespace) -> OverlayReport:
    from envc.cli.context import context_of
    from envc.pipeline import overlay

    name = getattr(arguments, "name", None)
    options = overlay.OverlayOptions(
        folder=arguments.folder or overlay.default_folder(name, arguments.target),
        target=arguments.target,
        upgrade=getattr(arguments, "upgrade", False),
    )
    context = context_of(arguments, offline=arguments.offline)
    match arguments.verb:
        case "init":
            return overlay.create(options, arguments.base, context)
        case "add":
            return overlay.add(options, _requirements(arguments.requirements), context)
        case "remove":
            from packaging.utils import canonicalize_name

            return overlay.remove(
                options, list(map(canonicalize_name, arguments.projects)), context
            )
        case _:
            return overlay.sync(options, context)


def _requirements(texts: list[str]) -> list[Requirement]:
    from packaging.requirements import InvalidRequirement, Requirement

    from envc.errors import Fault, UsageError

    found: list[Requirement] = []
    faults: list[Fault] = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except InvalidRequirement as error:
            reason = str(error).split("\n", 1)[0]
            faults.append(Fault(f"{text!r} is not a requirement: {reason}", mend="correct it"))
    if faults:
        raise UsageError.of(faults)
    return found


def _say(arguments: argparse.Namespace, report: OverlayReport) -> None:
    from envc.cli.output import counted, say

    state = "switched to" if report.changed else "nothing to do: on"
    say(arguments, f"{report.name} on {report.base}: {state} generation {report.generation}")
    say(arguments, f"  inherits {counted(report.inherits, 'project')} from {report.target}")
    for word in ("adds", "shadows", "lifts", "hides"):
        projects = getattr(report, word)
        if projects:
            say(arguments, f"  {word} {', '.join(projects)}")
    say(arguments, f"  run {report.folder}/bin/python")
