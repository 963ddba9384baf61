"""`envc status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.reports.status import StatusReport

EXAMPLE = "envc status --nodes n[1-16] --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.node_options import add_node_options

    add_node_options(parser)
    parser.add_argument(
        "--drift", action="store_true", help="compare every byte with what was published"
    )
    parser.add_argument(
        "--format",
        choices=["text", "json", "html"],
        default="text",
        help="html: one page that needs nothing else (text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask the nodes; the status is 1 where one does not run what it should."""
    import os
    import sys
    from dataclasses import asdict

    from envc.cli.node_options import asked_nodes
    from envc.cli.output import print_json, print_lines, print_table
    from envc.cli.page import page_template
    from envc.cluster import engine_of
    from envc.commands.status import status_of_nodes
    from envc.formats.page import page_with

    report = status_of_nodes(
        asked_nodes(arguments),
        engine_of(arguments.engine),
        state_folder=os.path.abspath(arguments.state) if arguments.state else None,
        drift=arguments.drift,
    )
    if arguments.json or arguments.format == "json":
        print_json(report)
    elif arguments.format == "html":
        sys.stdout.write(page_with(page_template("status"), asdict(report)))
    else:
        print_table(_rows(report))
        print_lines([f"{condition}: {nodes}" for condition, nodes in report.sets.items()])
    return 0 if report.ok else 1


def _rows(report: StatusReport) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("node", "condition", "gen", "digest", "drift", "in use", "free", "envc", "")
    ]
    for node, each in report.nodes.items():
        rows.append(
            (
                node,
                each.condition,
                "-" if each.generation is None else str(each.generation),
                (each.digest or "-").removeprefix("sha256:")[:12],
                "?" if each.drift is None else str(each.drift),
                ",".join(map(str, each.in_use)) or "-",
                "-" if each.free_bytes is None else f"{each.free_bytes / 1e9:.1f} GB",
                each.envc or "-",
                each.reason.splitlines()[0] if each.reason else "",
            )
        )
    return rows
