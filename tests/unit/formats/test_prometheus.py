"""Numbers for Prometheus: the text of its format, and what a status says in it."""

from envc.cli.status import _metrics
from envc.formats.prometheus import Metric, prometheus_text
from envc.reports.status import NodeStatus, StatusReport


def test_labels_are_escaped_and_a_metric_without_values_is_not_told():
    labels = {"node": 'a"b\\c', "why": "x\x1b[2J"}
    metrics = [Metric("one", "What it is.", [(labels, 3)]), Metric("none", "Nothing.", [])]
    assert "".join(prometheus_text(metrics)) == (
        '# HELP one What it is.\n# TYPE one gauge\none{node="a\\"b\\\\c",why="x\\\\x1b[2J"} 3\n'
    )


def test_a_status_tells_how_many_nodes_are_how_and_each_ones_numbers():
    report = StatusReport(
        ok=False,
        engine="local",
        target="/t",
        wanted=None,
        sets={},
        nodes={
            "n1": NodeStatus(condition="converged", generation=2, drift=0, free_bytes=7),
            "n2": NodeStatus(condition="failed", reason="down"),
        },
    )
    lines = [line for line in _metrics(report) if not line.startswith("#")]
    assert lines == [
        'envc_ok{target="/t"} 0\n',
        'envc_nodes{target="/t",condition="present"} 0\n',
        'envc_nodes{target="/t",condition="converged"} 1\n',
        'envc_nodes{target="/t",condition="behind"} 0\n',
        'envc_nodes{target="/t",condition="drifted"} 0\n',
        'envc_nodes{target="/t",condition="absent"} 0\n',
        'envc_nodes{target="/t",condition="failed"} 1\n',
        'envc_nodes{target="/t",condition="pending"} 0\n',
        'envc_node_condition{target="/t",node="n1",condition="converged"} 1\n',
        'envc_node_condition{target="/t",node="n2",condition="failed"} 1\n',
        'envc_node_generation{target="/t",node="n1"} 2\n',
        'envc_node_drifted_paths{target="/t",node="n1"} 0\n',
        'envc_node_free_bytes{target="/t",node="n1"} 7\n',
    ]
