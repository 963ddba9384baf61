"""Whatever a node writes: that node fails, in words that can be printed, and the others go on."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envc.cli import gc, rollout_progress, status
from envc.cli.output import as_json
from envc.commands.gc_nodes import collect_on_nodes
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.formats.node_line import node_line
from envc.model.digest import Digest
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places
from envc.reports.generations import CollectReport
from envc.reports.node import NodeReport
from envc.rollout import begin, decide, hear
from envc.rollout.values import Ask, Order, RolloutOptions, Stop
from envc.rollout.words import word_of

NOW = 1_800_000_000.0
DIGEST = Digest("sha256:" + "c" * 64)
GOOD = asdict(
    NodeReport(
        step="current",
        status=0,
        target="/t",
        generation=1,
        digest=DIGEST,
        closures={"user": DIGEST},
        built=False,
        current=1,
        drift=None,
        wanted="/state",
        machine="linux",
        envc="0.1.0",
        now_seconds=NOW,
        collected=CollectReport(
            target="/t",
            dry_run=False,
            kept={1: "current"},
            removed=(),
            stored_trees_removed=(),
            others_removed=(),
        ),
    )
)
TEXT = st.text() | st.sampled_from(["current", "ready", "unsure", "\x1b[2J", "\ud800", "²", DIGEST])
ODD = (10**400, -1, 0.5, float("nan"), True, "\x1b[2J", "\ud800", [], {}, [1], {"user": 1}, None)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CHANGED = st.dictionaries(st.sampled_from(sorted(GOOD)), PLAIN, min_size=1, max_size=3)
LINES = st.one_of(
    CHANGED.map(lambda changes: node_line(GOOD | changes)),
    PLAIN.map(lambda plain: f"~$ envc-node: {json.dumps(plain)}\n"),
    st.text().map(lambda text: f"envc-node: {text}"),
    st.text(),
)
ANSWERS = st.builds(
    NodeAnswer,
    node=st.just("n2"),
    outcome=st.sampled_from(["ended", "ended", "ended", "late", "unreachable", "busy"]),
    status=st.sampled_from([0, 1, 4, 127, None]),
    output=LINES,
    trouble=st.text(),
)


class TwoNodes:
    """`ports.Engine`: n1 answers well, n2 as it likes."""

    name = "two"

    def __init__(self, answer: NodeAnswer) -> None:
        self._answer = answer

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        heard(self._answer)
        heard(NodeAnswer(node="n1", outcome="ended", status=0, output=node_line(GOOD)))

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """Nothing is copied here."""


def refuse_controls(rows: Iterable[Iterable[str]]) -> None:
    assert all(cell.isprintable() for row in rows for cell in row)


@pytest.mark.parametrize("field", sorted(GOOD))
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_any_field_may_be_odd(field: str, value: Any) -> None:
    output = node_line(GOOD | {field: value})
    answer = NodeAnswer(node="n2", outcome="ended", status=0, output=output)
    all_nodes_are_told_of(answer)
    a_roll_out_goes_on(answer, None)


@given(ANSWERS, st.sampled_from([None, "/state"]))
def test_anything_may_be_answered(answer: NodeAnswer, state: str | None) -> None:
    all_nodes_are_told_of(answer)
    a_roll_out_goes_on(answer, state)


def all_nodes_are_told_of(answer: NodeAnswer) -> None:
    nodes, engine = Nodes(nodes="n[1-2]", target="/t"), TwoNodes(answer)
    standing, collected = status_of_nodes(nodes, engine), collect_on_nodes(nodes, engine)
    assert standing.nodes["n1"].condition == "present"
    assert collected.nodes["n1"].state == "collected"
    refuse_controls(status._rows(standing))
    refuse_controls(gc._rows(collected))
    assert len("".join(status._page(standing))) > 0
    for report in (standing, collected):
        json.loads(as_json(asdict(report)))


def a_roll_out_goes_on(answer: NodeAnswer, state: str | None) -> None:
    options = RolloutOptions(nodes="", target="/t", state=state, max_failures=1, canary=0)
    known = begin(Order(("n1", "n2"), {"user": DIGEST}, options), NOW)
    for _ in range(40):
        known, command = decide(known)
        if isinstance(command, Stop):
            break
        for node in known.awaited():
            good = node_line(GOOD | {"step": "current" if isinstance(command, Ask) else "switched"})
            said = answer if node == "n2" else NodeAnswer(node="n1", outcome="ended", output=good)
            known = hear(known, node, word_of(said), NOW)
    told = {name: node.told for name, node in known.nodes.items()}
    assert told["n1"].state in {"current", "switched"}
    shown = rollout_progress.Shown()
    for each in told.values():
        shown.hear(each)
    rollout_progress.table_of(shown)
    refuse_controls([[each.reason, each.mend] for each in told.values()])
    json.loads(as_json({name: asdict(each) for name, each in told.items()}))
