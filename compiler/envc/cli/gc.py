"""`envc gc`."""

from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import ENGINE, OVERLAY, TARGET, asked_nodes, folder_of, nodes_engine
from envc.cli.output import Output, counted, table
from envc.errors import help_line

if TYPE_CHECKING:
    from envc.reports.gc_nodes import NodeCollected, NodesCollectReport

_UNFINISHED = 4


def _run(arguments: Arguments) -> Output:
    if arguments.nodes is not None:
        return _on_nodes(arguments)
    from envc.commands.generations import collect

    report = collect(
        folder_of(arguments), newest=arguments.keep, days=arguments.days, dry_run=arguments.dry_run
    )
    verb = "would remove" if report.dry_run else "removed"
    generations = counted(len(report.removed), "generation")
    trees = counted(len(report.stored_trees_removed), "stored tree")
    return Output(
        report,
        told=[
            f"{report.target}: {verb} {generations} and {trees}",
            *(f"  {verb} {name}" for name in report.others_removed),
            *(f"  generation {number} stays: {why}" for number, why in report.kept.items()),
            *(
                f"  {folder} stands on generation {number}: it needs `envc overlay sync`"
                for folder, number in report.overlays.items()
            ),
        ],
    )


def _on_nodes(arguments: Arguments) -> Output:
    from envc.commands.gc_nodes import collect_on_nodes

    report = collect_on_nodes(
        asked_nodes(arguments),
        nodes_engine(arguments),
        newest=arguments.keep,
        dry_run=arguments.dry_run,
    )
    return Output(report, printed=table(_rows(report)), status=0 if report.ok else _UNFINISHED)


def _rows(report: "NodesCollectReport") -> list[tuple[str, ...]]:
    verb = "would remove" if report.dry_run else "removed"
    head = ("node", "state", verb, "stored trees", "others", "stays", "free", "")
    return [head, *(_row(node, each) for node, each in report.nodes.items())]


def _row(node: str, each: "NodeCollected") -> tuple[str, ...]:
    if each.state != "collected":
        why = f"{each.reason}; {help_line(each.mend)}" if each.mend else each.reason
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


COMMAND = Command(
    _run,
    example="envc gc --target /usr/local/Canopy --nodes 'n[1-16]' --dry-run",
    options=(
        TARGET._replace(
            help="a target directory, or an overlay's folder; with --nodes, {node} in it is the "
            "node's name (default: ENVC_TARGET)"
        ),
        OVERLAY,
        Option("--nodes", "SET", "on these nodes instead: 'n[1-16]', @group"),
        *ENGINE,
        Option(
            "--keep", "N", "keep the newest N (default: what the site's [retain] says)", kind=whole
        ),
        Option(
            "--days",
            "N",
            "keep what was current within N days (default: what [retain] says; with --keep, only "
            "what may be in use where that cannot be seen)",
            kind=whole,
        ),
        Option("--dry-run", "", "say what would go; remove nothing"),
    ),
    conflicts=(("--nodes", "--overlay"), ("--nodes", "--days")),
)
