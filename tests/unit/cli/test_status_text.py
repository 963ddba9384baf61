"""The table of `envc status`: nodes alike in one row, those that need somebody first."""

from envc.cli.status import _rows
from envc.model.digest import digest_of
from envc.reports.status import NodeStatus, StatusReport

GOOD = digest_of(b"good")


def shown(nodes: dict[str, NodeStatus]) -> list[tuple[str, ...]]:
    report = StatusReport(ok=False, engine="local", target="/t", wanted=None, sets={}, nodes=nodes)
    return [row[:2] + row[5:7] + row[8:] for row in _rows(report)[1:]]


def test_ten_thousand_nodes_are_a_few_rows():
    good = NodeStatus(condition="converged", generation=3, digest=GOOD, free_bytes=40_000_000_000)
    nodes = {f"n{number}": good for number in range(1, 10_001)}
    gone = NodeStatus(condition="failed", reason="no answer came back: no route\nmore")
    nodes |= {f"n{number}": gone for number in (7, 8, 9, 500)}
    nodes["n12"] = NodeStatus(
        condition="converged", generation=3, digest=GOOD, in_use=(2,), free_bytes=9_000_000_000
    )
    assert shown(nodes) == [
        ("n[7-9,500]", "failed", "-", "-", "no answer came back: no route"),
        ("n[1-6,10-499,501-10000]", "converged", "2", "from 9.0 GB", ""),
    ]


def test_each_reason_has_its_row():
    nodes = {
        "a": NodeStatus(condition="present", digest=GOOD, generation=1),
        "b": NodeStatus(condition="failed", reason="its disk"),
        "c": NodeStatus(condition="failed", reason="its clock"),
    }
    assert [row[0] for row in shown(nodes)] == ["b", "c", "a"]
