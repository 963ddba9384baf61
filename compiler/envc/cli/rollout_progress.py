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

    shown = Shown()
    screen = Console(stderr=True)
    # It is drawn a few times a second, however many nodes answer meanwhile.
    with Live(
        console=screen, refresh_per_second=8, transient=True, get_renderable=lambda: table_of(shown)
    ):
        yield shown.hear


class Shown:
    """What a table shows of nodes: how many are in each state, and those that changed last."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_STATES, 0)
        self._newest: dict[str, NodeState] = {}
        self._states: dict[str, str] = {}

    def hear(self, state: NodeState) -> None:
        """A node has changed."""
        before = self._states.get(state.node)
        if before is not None:
            self.counts[before] -= 1
        self.counts[state.state] += 1
        self._states[state.node] = state.state
        self._newest.pop(state.node, None)
        self._newest[state.node] = state
        if len(self._newest) > _ROWS:
            del self._newest[next(iter(self._newest))]

    def newest(self) -> list[NodeState]:
        """The last ones that changed; the drawing thread asks while others are heard of."""
        return list(self._newest.copy().values())


def table_of(shown: Shown) -> Table:
    """How many nodes are in each state, and the last ones that changed."""
    from rich.markup import escape
    from rich.table import Table

    title = ", ".join(f"{number} {name}" for name, number in shown.counts.items() if number)
    table = Table("node", "state", "generation", "seconds", "", title=title)
    for each in shown.newest():
        number = "" if each.generation is None else str(each.generation)
        reason = escape(harmless(each.reason))
        table.add_row(
            escape(harmless(each.node)), each.state, number, f"{each.seconds:.1f}", reason
        )
    return table
