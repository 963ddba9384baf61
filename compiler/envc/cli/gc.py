"""`envc gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.reports.gc_nodes import NodeCollected, NodesCollectReport

EXAMPLE = "envc gc --target /usr/local/Canopy --nodes n[1-16] --dry-run"

_UNFINISHED = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.node_options import add_engine_options

    parser.add_argument(
        "--target",
        required=True,
        metavar="DIR",
        help="a target directory, or an overlay's folder; with --nodes, {node} is the node's name",
    )
    parser.add_argument("--nodes", metavar="SET", help="on these nodes instead: n[1-16], @group")
    add_engine_options(parser)
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="keep the newest N (default: what the site's [retain] says)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")


def run(arguments: argparse.Namespace) -> int:
    """Collect; the status is 4 where a node could not."""
    if arguments.nodes is not None:
        return _on_nodes(arguments)
    from envc.cli.output import counted, print_json, say
    from envc.commands.generations import collect

    report = collect(arguments.target, newest=arguments.keep, dry_run=arguments.dry_run)
    if arguments.json:
        print_json(report)
        return 0
    verb = "would remove" if report.dry_run else "removed"
    generations = counted(len(report.removed), "generation")
    trees = counted(len(report.stored_trees_removed), "stored tree")
    say(arguments, f"{report.target}: {verb} {generations} and {trees}")
    for name in report.others_removed:
        say(arguments, f"  {verb} {name}")
    for number, reason in report.kept.items():
        say(arguments, f"  generation {number} stays: {reason}")
    return 0


def _on_nodes(arguments: argparse.Namespace) -> int:
    from envc.cli.node_options import asked_nodes
    from envc.cli.output import print_json, print_table
    from envc.cluster import engine_of
    from envc.commands.gc_nodes import collect_on_nodes

    report = collect_on_nodes(
        asked_nodes(arguments),
        engine_of(arguments.engine),
        newest=arguments.keep,
        dry_run=arguments.dry_run,
    )
    if arguments.json:
        print_json(report)
    else:
        print_table(_rows(report))
    return 0 if report.ok else _UNFINISHED


def _rows(report: NodesCollectReport) -> list[tuple[str, ...]]:
    verb = "would remove" if report.dry_run else "removed"
    head = ("node", "state", verb, "stored trees", "others", "stays", "free", "")
    return [head, *(_row(node, each) for node, each in report.nodes.items())]


def _row(node: str, each: NodeCollected) -> tuple[str, ...]:
    if each.state != "collected":
        why = f"{each.reason}; mend: {each.mend}" if each.mend else each.reason
        return (node, each.state, "-", "-", "-", "-", "-", why)
    return (
        node,
        each.state,
        ",".join(map(str, each.removed)) or "-",
        str(len(each.stored_trees_removed)),
        str(len(each.others_removed)),
        ", ".join(f"{number} {reason}" for number, reason in each.kept.items()),
        "-" if each.free_bytes is None else f"{each.free_bytes / 1e9:.1f} GB",
        "",
    )
