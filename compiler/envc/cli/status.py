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
    printed = _PRINTERS.get(arguments.format, _tables)(report)
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


def _metrics(report: "StatusReport") -> Iterator[str]:
    """The text for a collector of text files: how many nodes are how, and each node's numbers."""
    from envc.formats.prometheus import Metric, prometheus_text
    from envc.reports.status import NODE_CONDITIONS

    of = {"target": report.target}
    conditions = [each.condition for each in report.nodes.values()]
    numbers = {
        "generation": ("The generation that is current on a node.", "generation"),
        "drifted_paths": ("Paths of a node that differ from what was published.", "drift"),
        "free_bytes": ("Free bytes where a node's target is.", "free_bytes"),
        "free_files": ("Free files where a node's target is.", "free_files"),
    }
    yield from prometheus_text(
        [
            Metric("envc_ok", "Whether all nodes run what they should.", [(of, int(report.ok))]),
            Metric(
                "envc_nodes",
                "How many nodes are in a condition.",
                [({**of, "condition": each}, conditions.count(each)) for each in NODE_CONDITIONS],
            ),
            Metric(
                "envc_node_condition",
                "The condition that a node is in.",
                [
                    ({**of, "node": node, "condition": each.condition}, 1)
                    for node, each in report.nodes.items()
                ],
            ),
            *(
                Metric(
                    f"envc_node_{name}",
                    told,
                    [
                        ({**of, "node": node}, getattr(each, field))
                        for node, each in report.nodes.items()
                        if getattr(each, field) is not None
                    ],
                )
                for name, (told, field) in numbers.items()
            ),
        ]
    )


_PRINTERS = {"html": _page, "prometheus": _metrics}

COMMAND = Command(
    _run,
    example="envc status --nodes 'n[1-16]' --target /usr/local/Canopy",
    options=(
        *NODES,
        Option("--drift", "", "compare every byte with what was published"),
        Option(
            "--format",
            "FORMAT",
            "how to print it; html: one page that needs nothing else; prometheus: for a collector "
            "of text files",
            choices=("text", "json", "html", "prometheus"),
            default="text",
        ),
    ),
)
