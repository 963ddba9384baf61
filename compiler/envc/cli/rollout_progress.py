"""A roll-out as it goes on: a table on a terminal, a line a node elsewhere, JSON on request."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments
from envc.cli.output import harmless, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from envc.reports.rollout import NodeState

_STATES = ("waiting", "ready", "switched", "current", "pending", "failed")
_ROWS = 12


@contextmanager
def progress_of(arguments: Arguments) -> Iterator[Callable[[NodeState], None]]:
    """What hears of nodes, as the options have it."""
    with ExitStack() as stack:
        hearers: list[Callable[[NodeState], None]] = []
        if arguments.events is not None:
            hearers.append(stack.enter_context(_events(arguments.events)))
        if not arguments.quiet:
            drawn = sys.stderr.isatty() and not arguments.no_progress
            hearers.append(stack.enter_context(_table()) if drawn else _line)

        def heard(state: NodeState) -> None:
            for hear in hearers:
                hear(state)

        yield heard


def _line(state: NodeState) -> None:
    told = f": {state.reason}" if state.reason else ""
    sys.stderr.writelines(lines([f"{state.seconds:8.1f} s  {state.node}: {state.state}{told}"]))


@contextmanager
def _events(path: str) -> Iterator[Callable[[NodeState], None]]:
    """One JSON object a line, each complete when it is written."""
    from envc.disk.clock import utc_text

    with open(path, "a", encoding="utf-8", buffering=1) as file:

        def heard(state: NodeState) -> None:
            file.write(json.dumps({"time": utc_text(), **asdict(state)}) + "\n")

        yield heard


@contextmanager
def _table() -> Iterator[Callable[[NodeState], None]]:
    from rich.console import Console
    from rich.live import Live

    nodes: dict[str, NodeState] = {}
    with Live(console=Console(stderr=True), refresh_per_second=8, transient=True) as live:

        def heard(state: NodeState) -> None:
            nodes[state.node] = state
            live.update(table_of(nodes))

        yield heard


def table_of(nodes: dict[str, NodeState]) -> Table:
    """How many nodes are in each state, and the last ones that changed."""
    from rich.markup import escape
    from rich.table import Table

    counts = {name: sum(each.state == name for each in nodes.values()) for name in _STATES}
    title = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    table = Table("node", "state", "generation", "seconds", "", title=title)
    newest = sorted(nodes.values(), key=lambda each: each.seconds)[-_ROWS:]
    for each in newest:
        number = "" if each.generation is None else str(each.generation)
        reason = escape(harmless(each.reason))
        table.add_row(
            escape(harmless(each.node)), each.state, number, f"{each.seconds:.1f}", reason
        )
    return table
