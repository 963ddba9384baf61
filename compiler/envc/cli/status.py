"""`envc status`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import NODES, asked_nodes, nodes_engine, state_of
from envc.cli.output import Output, first_lines, table

if TYPE_CHECKING:
    from envc.reports.status import StatusReport


def _run(arguments: Arguments) -> Output:
    from envc.commands.status import status_of_nodes

    arguments.json = arguments.json or arguments.format == "json"
    report = status_of_nodes(
        asked_nodes(arguments),
        nodes_engine(arguments),
        state_folder=state_of(arguments),
        drift=arguments.drift,
    )
    printed = _page(report) if arguments.format == "html" else _tables(report)
    return Output(report, printed=printed, status=0 if report.ok else 1)


def _page(report: "StatusReport") -> Iterator[str]:
    from dataclasses import asdict

    from envc.cli.page import page_template
    from envc.formats.page import page_with

    yield page_with(page_template("status"), asdict(report))


def _tables(report: "StatusReport") -> Iterator[str]:
    yield from table(_rows(report))
    yield from first_lines([f"{condition}: {nodes}" for condition, nodes in report.sets.items()])


def _rows(report: "StatusReport") -> list[tuple[str, ...]]:
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


COMMAND = Command(
    _run,
    example="envc status --nodes 'n[1-16]' --target /usr/local/Canopy",
    options=(
        *NODES,
        Option("--drift", "", "compare every byte with what was published"),
        Option(
            "--format",
            "FORMAT",
            "how to print it; html: one page that needs nothing else",
            choices=("text", "json", "html"),
            default="text",
        ),
    ),
)
