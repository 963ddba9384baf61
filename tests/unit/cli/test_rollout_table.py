"""What the table of a roll-out shows."""

from envc.cli.rollout_progress import Shown, table_of
from envc.reports.rollout import NodeState

ROWS = 12


def test_nodes_are_counted_where_they_are_now_and_the_last_ones_that_changed_are_shown():
    shown = Shown()
    for number in range(100):
        shown.hear(NodeState(node=f"n{number}", state="ready", reason=""))
    for number in range(40):
        shown.hear(NodeState(node=f"n{number}", state="switched", reason=""))
    assert {name: count for name, count in shown.counts.items() if count} == {
        "ready": 60,
        "switched": 40,
    }
    assert [each.node for each in shown.newest()] == [f"n{n}" for n in range(28, 40)]
    assert table_of(shown).row_count == ROWS
    assert table_of(shown).title == "60 ready, 40 switched"
