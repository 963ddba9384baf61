"""`envc status`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import NODES, asked_nodes, nodes_engine, state_of
from envc.cli.output import Output, first_lines, table

if TYPE_CHECKING:
    from envc.reports.status import NodeStatus, StatusReport

# What needs somebody comes first.
_URGENT = ("failed", "drifted", "behind", "absent", "pending", "present", "converged")


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
    """A row for nodes alike; what needs somebody comes first."""
    from envc.cluster.node_sets import fold  # a page folds nothing

    alike: dict[tuple[object, ...], list[str]] = {}
    for node, each in report.nodes.items():
        key = (each.condition, each.generation, each.digest, each.drift, each.envc, each.reason)
        alike.setdefault(key, []).append(node)
    rows: list[tuple[str, ...]] = [
        ("nodes", "condition", "gen", "digest", "drift", "in use", "free", "envc", "")
    ]
    for nodes in sorted(alike.values(), key=lambda some: _urgency(report.nodes[some[0]])):
        statuses = [report.nodes[node] for node in nodes]
        one = statuses[0]
        in_use = sorted({number for each in statuses for number in each.in_use})
        free = [each.free_bytes for each in statuses if each.free_bytes is not None]
        least = "from " if len(set(free)) > 1 else ""
        rows.append(
            (
                fold(nodes),
                one.condition,
                "-" if one.generation is None else str(one.generation),
                (one.digest or "-").removeprefix("sha256:")[:12],
                "?" if one.drift is None else str(one.drift),
                ",".join(map(str, in_use)) or "-",
                f"{least}{min(free) / 1e9:.1f} GB" if free else "-",
                one.envc or "-",
                one.reason.splitlines()[0] if one.reason else "",
            )
        )
    return rows


def _urgency(status: "NodeStatus") -> int:
    return _URGENT.index(status.condition)


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
