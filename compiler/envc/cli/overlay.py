"""`envc overlay init|add|remove|sync|upgrade|adopt|pack|list|collect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from packaging.requirements import Requirement

    from envc.reports.overlay import OverlayReport
    from envc.reports.overlay_collect import CollectedOverlays
    from envc.reports.overlay_list import OverlayList

EXAMPLE = "envc overlay add 'polars>=1' --dir /shared/canopy/alice/plots"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser("init", help="create an overlay and build it")
    init.add_argument("name", nargs="?", help="its name, in your storage (default: your own)")
    init.add_argument("--base", metavar="L", help="the common layer to stand on")
    add = verbs.add_parser("add", help="add requirements or projects of yours, lock and build")
    add.add_argument("requirements", nargs="*", metavar="REQUIREMENT")
    add.add_argument(
        "-e",
        "--editable",
        action="append",
        default=[],
        metavar="DIR",
        help="a project of yours, used where it stands: edits show at once",
    )
    remove = verbs.add_parser("remove", help="remove requirements or projects, lock and build")
    remove.add_argument("projects", nargs="+", metavar="PROJECT")
    sync = verbs.add_parser("sync", help="lock and build what the spec says, on the present base")
    upgrade = verbs.add_parser("upgrade", help="let pins move to newer releases, lock and build")
    upgrade.add_argument("projects", nargs="*", metavar="PROJECT", help="default: all")
    adopt = verbs.add_parser("adopt", help="write into the spec what pip installed by hand")
    pack = verbs.add_parser("pack", help="write the overlay as one file, to be staged by jobs")
    pack.add_argument("-o", "--output", metavar="FILE", help="default: packed.envc in its folder")
    pack.add_argument("--alone", action="store_true", help="then remove its trees: one file stays")
    for verb in (init, add, remove, sync, upgrade, adopt, pack):
        verb.add_argument("--dir", dest="folder", metavar="DIR", help="the overlay's folder")
        verb.add_argument("--target", metavar="DIR", help="where the common layers are")
        verb.add_argument("--offline", action="store_true", help="ask no index")
        _add_common(verb)
    _add_listing_options(verbs)


def _add_listing_options(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verbs that look at many overlays."""
    listing = verbs.add_parser("list", help="list your overlays in the storage, and their state")
    listing.add_argument("--all", action="store_true", help="everybody's")
    listing.add_argument("--target", metavar="DIR", help="where the common layers are")
    collect = verbs.add_parser("collect", help="copy users' specs and locks into the site, for CI")
    collect.add_argument("--prune", action="store_true", help="remove those that are gone")
    for verb in (listing, collect):
        _add_common(verb)


def _add_common(verb: argparse.ArgumentParser) -> None:
    from envc.cli.arguments import add_common

    add_common(verb)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb."""
    from envc.cli.output import print_json

    match arguments.verb:
        case "list":
            return _list(arguments)
        case "collect":
            return _collect(arguments)
        case "pack":
            return _pack(arguments)
    report = _carry_out(arguments)
    if arguments.json:
        print_json(report)
    else:
        _say(arguments, report)
    return 0


def _carry_out(arguments: argparse.Namespace) -> OverlayReport:
    from envc.cli.context import context_of
    from envc.overlays.places import default_folder

    name = getattr(arguments, "name", None)
    folder = arguments.folder or default_folder(name, arguments.target)
    context = context_of(arguments, offline=arguments.offline)
    if arguments.verb == "sync":
        from envc.commands.overlay_sync import sync

        return sync(folder, arguments.target, context)

    from envc.overlays import edit as overlay

    options = overlay.OverlayOptions(folder=folder, target=arguments.target)
    match arguments.verb:
        case "init":
            return overlay.create(options, arguments.base, context)
        case "add":
            requirements = _requirements(arguments.requirements, arguments.editable)
            return overlay.add(options, requirements, arguments.editable, context)
        case "remove":
            return overlay.remove(options, arguments.projects, context)
        case "upgrade":
            return overlay.upgrade(options, tuple(arguments.projects), context)
        case _:
            return overlay.adopt(options, context)


def _requirements(texts: list[str], editable: list[str]) -> list[Requirement]:
    from packaging.requirements import Requirement

    from envc.errors import Fault, UsageError
    from envc.formats.document import requirement_text

    if not texts and not editable:
        raise UsageError("nothing to add", mend="name a requirement, or a folder with -e")
    found: list[Requirement] = []
    faults: list[Fault] = []
    for text in texts:
        try:
            found.append(Requirement(requirement_text(text)))
        except ValueError as error:
            faults.append(Fault(str(error), mend="correct it"))
    if faults:
        raise UsageError.of(faults)
    return found


def _say(arguments: argparse.Namespace, report: OverlayReport) -> None:
    from envc.cli.output import counted, say

    state = "switched to" if report.changed else "nothing to do: on"
    say(arguments, f"{report.name} on {report.base}: {state} generation {report.generation}")
    say(arguments, f"  inherits {counted(report.inherits, 'project')} from {report.target}")
    if report.base_changes:
        say(arguments, f"  the base has moved on: {', '.join(report.base_changes.words())}")
    for word in ("adds", "shadows", "lifts", "hides"):
        projects = getattr(report, word)
        if projects:
            say(arguments, f"  {word} {', '.join(projects)}")
    for project, folder in report.editable.items():
        say(arguments, f"  {project} is edited in {folder}")
    say(arguments, f"  run {report.folder}/bin/python")


def _list(arguments: argparse.Namespace) -> int:
    from envc.cli.output import print_json, print_lines, say
    from envc.commands.overlay_list import list_overlays

    report: OverlayList = list_overlays(arguments.target, everybody=arguments.all)
    if arguments.json:
        print_json(report)
        return 0
    if not report.overlays:
        say(arguments, f"no overlays of yours in {report.storage}")
    lines: list[str] = []
    for entry in report.overlays:
        number = "-" if entry.generation is None else str(entry.generation)
        lines.append(
            f"{entry.owner}/{entry.name}  on {entry.base or '?'}  generation {number}  "
            f"{entry.distributions} projects  {entry.state}"
        )
        if entry.why:
            lines.append(f"    {entry.why}")
    print_lines(lines)
    return 0


def _collect(arguments: argparse.Namespace) -> int:
    from envc.cli.context import context_of, site_of
    from envc.cli.output import counted, print_json, say
    from envc.commands.overlay_collect import collect_overlays

    report: CollectedOverlays = collect_overlays(
        site_of(arguments), prune=arguments.prune, context=context_of(arguments)
    )
    if arguments.json:
        print_json(report)
        return 0
    changed = [each for each in report.overlays if each.changed]
    say(
        arguments,
        f"{counted(len(report.overlays), 'overlay')} of {report.storage}, {len(changed)} changed",
    )
    for each in changed:
        say(arguments, f"  {each.spec}, owned by {each.owner}")
    for folder, why in report.left_out.items():
        say(arguments, f"  left out: {folder}: {why}")
    for path in report.gone:
        word = "removed" if report.pruned else "gone from the storage (--prune removes it)"
        say(arguments, f"  {word}: {path}")
    return 0


def _pack(arguments: argparse.Namespace) -> int:
    from envc.cli.output import counted, print_json, say
    from envc.overlays.pack import pack
    from envc.overlays.places import default_folder

    folder = arguments.folder or default_folder(None, arguments.target)
    report = pack(folder, arguments.output, alone=arguments.alone)
    if arguments.json:
        print_json(report)
        return 0
    size = f"{report.size_bytes / 1e6:.1f} MB"
    say(arguments, f"{report.name}: {counted(report.files, 'file')} in {report.path}, {size}")
    say(arguments, f"  digest {report.digest}")
    if report.alone:
        say(arguments, "  its trees are removed; `envc run` stages the file, `sync` builds again")
    return 0
