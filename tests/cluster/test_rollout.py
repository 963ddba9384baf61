"""A roll-out against nodes in memory: order, faults, and what a second run does."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.fake_nodes import Cluster, FakeEngine, killed, said, values_in
from envc.commands.gc_nodes import collect_on_nodes
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.errors import UsageError
from envc.fleet.asking import Nodes
from envc.fleet.state import StateFolder, said_in
from envc.host.context import Context
from envc.model.nodes import NodeAnswer
from envc.reports.rollout import NodeState, RolloutReport
from envc.rollout.values import RolloutOptions

LATE = 7200.0

pytestmark = pytest.mark.slow  # each rolls a whole site out


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def rolled(
    cluster: Cluster, engine: FakeEngine, nodes: str = "n[1-4]", **options: Any
) -> RolloutReport:
    heard: list[NodeState] = []
    settings = RolloutOptions(nodes=nodes, target=cluster.target, **options)
    report = roll_out(str(cluster.site.folder), settings, engine, Context(), heard.append)
    for node in report.nodes.values():  # who listens knows what the report says
        assert [each for each in heard if each.node == node.node][-1:] in ([node], [])
    return report


def test_all_prepare_before_any_but_the_canary_is_switched(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1", "n2", "n3")
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state))
    assert report.ok
    assert report.sets == {"switched": "n[1-3]"}
    assert engine.steps == [
        ("n1", "prepare"),
        ("n1", "switch"),
        ("n2", "prepare"),
        ("n3", "prepare"),
        ("n2", "switch"),
        ("n3", "switch"),
    ]
    assert len({state.digest for state in report.nodes.values()}) == 1
    assert all(state.built for state in report.nodes.values())


def test_a_second_run_asks_once_and_does_nothing(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1", "n2")
    rolled(cluster, engine, "n[1-2]", state=str(cluster.state))
    wanted = (cluster.state / "wanted.json").read_text()
    engine.steps.clear()
    engine.passes = 0
    report = rolled(cluster, engine, "n[1-2]", state=str(cluster.state))
    assert (report.ok, report.sets) == (True, {"current": "n[1-2]"})
    assert (engine.passes, engine.answered, engine.steps) == (1, ["n1", "n2"], [])
    assert (cluster.state / "wanted.json").read_text() == wanted
    assert not any(state.built for state in report.nodes.values())


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "site": 2}', "[" * 100_000])
def test_a_wanted_state_that_is_damaged_is_mended_as_it_says(
    cluster: Cluster, engine: FakeEngine, text: str, *, shared: bool
) -> None:
    cluster.warm("n1", "n2")
    state = cluster.state if shared else None
    wanted = (state or cluster.folder("n1") / "wanted") / "wanted.json"
    options = {"state": str(state)} if state is not None else {}
    rolled(cluster, engine, "n[1-2]", **options)
    for nodes in ({"current": "n[1-2]"}, {"switched": "n[1-2]"}):
        wanted.write_text(text)
        answer = cluster.site.envc("converge", "--target", cluster.folder("n1"), "--check")
        assert answer.status == 2
        assert " help: run `envc rollout` again" in answer.stderr
        assert rolled(cluster, engine, "n[1-2]", **options).sets == nodes
        cluster.site.done("converge", "--target", cluster.folder("n1"), "--check")
        cluster.upgrade() if "current" in nodes else None


def test_without_a_shared_folder_the_engine_carries_what_nodes_lack(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1", "n2")
    assert rolled(cluster, engine, "n[1-2]").ok
    # The fake nodes run this envc, so that they ask for no kit.
    assert engine.copied == [("n1", "parcels"), ("n2", "parcels")]
    engine.copied.clear()
    assert rolled(cluster, engine, "n[1-2]").sets == {"current": "n[1-2]"}
    assert engine.copied == []
    cluster.upgrade()
    assert rolled(cluster, engine, "n[1-2]").ok
    answer = cluster.site.done("converge", "--target", cluster.folder("n1"), "--check", "--json")
    assert (answer.json["converged"], answer.json["serial"]) == (True, 2)


def test_a_node_that_is_down_stops_the_others_unless_it_may_fail(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1", "n2", "n3")
    engine.down = {"n3"}
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state))
    assert report.stopped == "1 node failed, and 0 may"
    assert report.sets == {"failed": "n3", "ready": "n2", "switched": "n1"}
    assert cluster.current("n2") is None
    down = report.nodes["n3"]
    assert down.reason == "no answer came back: ssh: connect: No route to host"
    assert down.mend == "bring the node back"
    assert not (cluster.state / "wanted.json").exists()

    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state), max_failures=1)
    assert report.sets == {"current": "n1", "failed": "n3", "switched": "n2"}
    assert not report.ok

    engine.down = set()
    engine.steps.clear()
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state))
    assert report.sets == {"current": "n[1-2]", "switched": "n3"}
    assert ("n2", "switch") not in engine.steps


def test_a_canary_that_fails_leaves_the_others_alone(cluster: Cluster, engine: FakeEngine) -> None:
    engine.down = {"n1"}
    report = rolled(cluster, engine, "n[1-3]", max_failures=3)
    assert report.stopped == "the canary failed: n1"
    assert report.sets == {"failed": "n1", "waiting": "n[2-3]"}
    assert engine.steps == []


def test_batches_stop_where_too_many_fail(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1", "n2", "n3")
    engine.troubles = {"n2": [lambda answer: answer, killed]}
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state), batch=1, canary=0)
    assert report.stopped == "1 node failed, and 0 may"
    assert report.sets == {"failed": "n2", "ready": "n3", "switched": "n1"}
    failed = report.nodes["n2"]
    assert failed.reason == "it ended with status 137: Killed"
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state))
    # The answer of n2 was lost, not its work.
    assert report.sets == {"current": "n[1-2]", "switched": "n3"}


def test_a_node_killed_while_it_prepares_is_asked_again(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1")
    engine.troubles = {"n1": [killed]}
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    assert report.ok
    assert engine.steps == [("n1", "prepare"), ("n1", "prepare"), ("n1", "switch")]


def test_a_busy_node_is_pending_and_no_failure(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1", "n2")
    busy = NodeAnswer(node="n2", outcome="busy", trouble="srun: error: nodes are busy\n")
    engine.troubles = {"n2": [lambda answer: busy]}
    report = rolled(cluster, engine, "n[1-2]", state=str(cluster.state))
    assert (report.ok, report.stopped) == (False, "")
    assert report.sets == {"pending": "n2", "switched": "n1"}
    assert report.nodes["n2"].reason == "it is busy: srun: error: nodes are busy"


def test_a_node_that_takes_too_long_is_named(cluster: Cluster, engine: FakeEngine) -> None:
    late = NodeAnswer(node="n1", outcome="late")
    engine.troubles = {"n1": [lambda answer: late, lambda answer: late]}
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    assert report.nodes["n1"].reason == "no answer within 1800 s"


def test_a_clock_that_is_off_is_named_and_nothing_is_switched(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1")

    def off(answer: NodeAnswer) -> NodeAnswer:
        return said(now_seconds=time_of(answer) - LATE)(answer)

    engine.troubles = {"n1": [off]}
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    node = report.nodes["n1"]
    assert node.reason == "its clock is 7200 s behind"
    assert node.mend == "set the node's clock (is its time service running?), then roll out again"
    assert cluster.current("n1") is None
    assert rolled(cluster, engine, "n1", state=str(cluster.state)).sets == {"switched": "n1"}


def time_of(answer: NodeAnswer) -> float:

    values = values_in(answer.output)
    return float(values["now_seconds"])


def test_a_tree_that_differs_from_the_others_is_not_switched(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1", "n2")
    other = "sha256:" + "0" * 64
    engine.troubles = {"n2": [said(digest=other)]}
    report = rolled(cluster, engine, "n[1-2]", state=str(cluster.state))
    same = report.nodes["n1"].digest
    assert report.nodes["n2"].reason == (
        f"its tree digest is {other}, and other nodes of its kind have {same}"
    )
    assert report.nodes["n2"].mend == (
        f"run `envc verify --target {cluster.folder('n2')}` there, and check its disk"
    )
    assert cluster.current("n2") is None


def test_another_closure_is_refused(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1")
    engine.troubles = {"n1": [said(closures={})]}
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    assert report.nodes["n1"].reason == "it made another closure than the locks describe"


@pytest.mark.parametrize(
    "output",
    [
        "envc-node: {",
        "envc-node: []\n",
        'envc-node: {"step": "ready"}\n',
        'envc-node: {"lacks": 1}\n',
        'envc-node: {"faults": [[1, 2, 3]], "status": 4}\n',
        "envc-node: " + "[" * 100_000 + "\n",
    ],
)
def test_a_bad_answer_fails_that_node_alone(
    cluster: Cluster, engine: FakeEngine, output: str
) -> None:
    cluster.warm("n1", "n3")

    def bad(answer: NodeAnswer) -> NodeAnswer:
        return replace(answer, output=output)

    engine.troubles = {"n2": [bad, bad]}
    report = rolled(cluster, engine, "n[1-3]", state=str(cluster.state), max_failures=1)
    assert report.sets == {"failed": "n2", "switched": "n[1,3]"}
    assert report.nodes["n2"].reason.startswith("its answer cannot be understood: ")
    engine.troubles = {"n1": [bad, bad]}
    asked = Nodes(nodes="n[1,3]", target=cluster.target)
    assert collect_on_nodes(asked, engine).sets == {"collected": "n3", "failed": "n1"}
    assert status_of_nodes(asked, engine).sets == {"failed": "n1", "present": "n3"}


def test_a_parcel_that_arrives_cut_off_is_sent_again_once(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.warm("n1")
    report = rolled(cluster, _Cutting(engine, cuts=1), "n1")
    assert report.ok
    cluster.upgrade()
    report = rolled(cluster, _Cutting(engine, cuts=9), "n1")
    assert report.nodes["n1"].reason == "it lacks the parcel: what was sent did not arrive whole"
    assert cluster.current("n1") == "generations/000001"


class _Cutting(FakeEngine):
    """Copies that stop halfway, so many times."""

    def __init__(self, engine: FakeEngine, cuts: int) -> None:
        super().__init__()
        self.steps = engine.steps
        self._cuts = cuts

    def copy(self, path: str, destinations: Any, limits: Any, heard: Any) -> None:
        super().copy(path, destinations, limits, heard)
        for place in map(Path, destinations.values()):
            if place.parent.name == "parcels" and self._cuts:
                self._cuts -= 1
                place.write_bytes(place.read_bytes()[:100])


def test_what_is_in_the_shared_folder_is_verified(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1")

    def alter(node: str, step: str) -> None:
        for parcel in (cluster.state / "parcels").iterdir():
            parcel.write_text(parcel.read_text().replace("numpy", "numpi"))

    engine.before = alter
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    assert report.nodes["n1"].reason == f"it does not see what was put into {cluster.state}"
    assert report.nodes["n1"].mend == "make that folder visible on every node, or leave --state"
    engine.before = lambda node, step: None
    assert rolled(cluster, engine, "n1", state=str(cluster.state)).ok


def test_where_nothing_can_run_nothing_is_built(
    cluster: Cluster, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.folder("n1").mkdir(parents=True)
    monkeypatch.setattr("os.statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOEXEC))
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    what = "this is mounted noexec: nothing that is built here could run"
    assert report.nodes["n1"].reason == f"{cluster.folder('n1')}: {what}"
    assert not (cluster.folder("n1") / "store").exists()
    answer = cluster.site.envc("materialize", "--target", cluster.site.root / "a/b")
    assert (answer.status, answer.stderr.splitlines()[0]) == (2, f"error: {what}")
    assert not (cluster.site.root / "a").exists()


def test_a_refusal_of_envc_on_the_node_is_told_with_its_mend(
    cluster: Cluster, engine: FakeEngine
) -> None:
    place = cluster.folder("n1") / "generations"
    place.parent.mkdir(parents=True)
    place.write_text("no folder")
    report = rolled(cluster, engine, "n1", state=str(cluster.state))
    node = report.nodes["n1"]
    assert node.state == "failed"
    told = "this folder is no target, and not empty: it holds generations"
    assert node.reason == f"{cluster.folder('n1')}: {told}"
    assert node.mend == "name an empty folder, or a target, with --target DIR"


def test_stale_locks_are_refused_before_any_node_is_asked(
    cluster: Cluster, engine: FakeEngine
) -> None:
    cluster.site.edit('requires = ["report"]', 'requires = ["report", "six"]')
    from envc.errors import AnswerIsNo

    with pytest.raises(AnswerIsNo) as told:
        rolled(cluster, engine, "n1")
    assert "the lock of layer system is stale" in str(told.value)
    assert engine.steps == []


def test_nodes_of_one_machine_need_targets_of_their_own(
    cluster: Cluster, engine: FakeEngine
) -> None:
    engine.name = "local"
    options = RolloutOptions(nodes="n[1-2]", target="/nowhere")
    with pytest.raises(UsageError) as told:
        roll_out(str(cluster.site.folder), options, engine, Context(), lambda state: None)
    assert str(told.value) == (
        "/nowhere: nodes of the local engine would share one target\n"
        "  help: put {node} into the target: --target /tmp/nodes/{node}"
    )


def test_no_set_of_nodes(cluster: Cluster, engine: FakeEngine) -> None:
    with pytest.raises(UsageError) as told:
        rolled(cluster, engine, "n[1-")
    assert "'n[1-' is no set of nodes: " in str(told.value)
    assert str(told.value).endswith("help: write it like 'n[1-16]' or @group")


def test_the_wanted_state_keeps_what_the_site_retains(cluster: Cluster, engine: FakeEngine) -> None:
    cluster.warm("n1")
    first = rolled(cluster, engine, "n1", state=str(cluster.state))
    cluster.upgrade()
    second = rolled(cluster, engine, "n1", state=str(cluster.state))
    answer = cluster.site.done("converge", "--target", cluster.folder("n1"), "--check", "--json")
    assert answer.json["converged"]
    state = StateFolder(str(cluster.state))
    wanted = said_in(state.required())
    assert [each.parcel for each in wanted.generations] == [second.parcel, first.parcel]
    assert [each.closures for each in wanted.generations] == [second.closures, first.closures]
    assert [group.nodes for group in wanted.groups] == ["n1"]
