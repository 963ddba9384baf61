"""What each node runs; and a target that goes without a trace."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from cluster.fake_nodes import Cluster, FakeEngine
from envc.cluster.node_sets import expand
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.host.context import Context
from envc.model.nodes import NodeAnswer
from envc.reports.status import StatusReport
from envc.rollout.values import RolloutOptions
from support.sites import SiteFolder, envc

pytestmark = pytest.mark.slow  # whole sites are rolled out


def rolled(cluster: Cluster, nodes: str) -> None:
    cluster.warm(*expand(nodes))
    options = RolloutOptions(nodes=nodes, target=cluster.target, state=str(cluster.state))
    site = str(cluster.site.folder)
    assert roll_out(site, options, FakeEngine(), Context(), lambda state: None).ok


def asked(cluster: Cluster, engine: FakeEngine, nodes: str, *, drift: bool = False) -> StatusReport:
    asked = Nodes(nodes=nodes, target=cluster.target)
    return status_of_nodes(asked, engine, state_folder=str(cluster.state), drift=drift)


def test_each_condition_is_told(cluster: Cluster) -> None:
    rolled(cluster, "n[1-3]")
    cluster.upgrade()
    options = RolloutOptions(
        nodes="n[1-2]", target=cluster.target, state=str(cluster.state), max_failures=1
    )
    engine = FakeEngine()
    engine.down = {"n2"}
    roll_out(str(cluster.site.folder), options, engine, Context(), lambda state: None)
    engine = FakeEngine()
    engine.down = {"n4"}
    engine.troubles = {
        "n5": [lambda answer: NodeAnswer(node="n5", outcome="busy")],
        "n6": [lambda answer: NodeAnswer(node="n6", outcome="ended", status=127)],
    }
    edited = next((cluster.folder("n3") / "current/user/lib").rglob("pandas/__init__.py"))
    edited.chmod(0o644)
    edited.write_text("edited\n")
    report = asked(cluster, engine, "n[1-6]", drift=True)
    assert report.sets == {
        "absent": "n6",
        "behind": "n2",
        "converged": "n1",
        "drifted": "n3",
        "failed": "n4",
        "pending": "n5",
    }
    assert not report.ok
    assert report.nodes["n4"].reason == "no answer came back: ssh: connect: No route to host"
    assert report.nodes["n3"].drift
    assert report.nodes["n2"].generation == 1
    assert report.nodes["n1"].machine == report.nodes["n2"].machine != ""
    # What was rolled out to some is wanted of them alone.
    assert report.wanted is None
    one, two, three, *others = (each.wanted for each in report.nodes.values())
    assert one == two == report.nodes["n1"].closures
    assert three == report.nodes["n3"].closures != one
    assert others == [None] * 3


def test_generations_that_jobs_use_are_told_and_kept(cluster: Cluster) -> None:
    rolled(cluster, "n1")
    cluster.upgrade()
    options = RolloutOptions(nodes="n1", target=cluster.target, state=str(cluster.state))
    assert roll_out(
        str(cluster.site.folder), options, FakeEngine(), Context(), lambda state: None
    ).ok
    target = cluster.folder("n1")
    lease = os.open(target / "generations/000001/.lease", os.O_RDONLY)
    try:
        fcntl.flock(lease, fcntl.LOCK_SH)
        assert asked(cluster, FakeEngine(), "n1").nodes["n1"].in_use == (1,)
        kept = envc("gc", "--target", target, "--keep", "1", "--json").json["kept"]
        assert kept["1"] == "in use"
        answer = envc("uninstall", "--target", target)
        assert answer.status == 1
        assert answer.stderr == (
            f"error: running processes use generation 1\n   at: {target}\n"
            " help: wait for them to end, or end them; then run this again\n"
        )
    finally:
        os.close(lease)
    assert asked(cluster, FakeEngine(), "n1").nodes["n1"].in_use == ()


def test_no_trace_is_left(cluster: Cluster) -> None:
    rolled(cluster, "n1")
    target = cluster.folder("n1")
    dry = envc("uninstall", "--target", target, "--dry-run", "--json").json
    assert sorted(dry["removed"]) == sorted(path.name for path in target.iterdir())
    assert dry["left"] == []
    assert envc("uninstall", "--target", target).status == 0
    assert not target.exists()


def test_what_is_not_envcs_stays(warm: SiteFolder) -> None:
    warm.materialize()
    (warm.target / "notes.txt").write_text("mine\n")
    report = envc("uninstall", "--target", warm.target, "--json").json
    assert report["left"] == ["notes.txt"]
    assert os.listdir(warm.target) == ["notes.txt"]


def test_a_folder_that_is_no_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    answer = envc("uninstall", "--target", tmp_path)
    assert answer.status == 2
    assert answer.stderr == (
        f"error: this is no target directory: nothing was removed\n   at: {tmp_path}\n"
        " help: name a folder that `envc materialize --target` made\n"
    )
    assert os.listdir(tmp_path) == ["precious"]


def test_an_uninstall_that_was_killed_goes_on(warm: SiteFolder) -> None:
    warm.materialize()
    os.unlink(warm.target / "current")
    os.rename(warm.target / "store", warm.root / "gone")
    assert envc("uninstall", "--target", warm.target).status == 0
    assert not warm.target.exists()


def test_a_target_has_its_own_envc(warm: SiteFolder) -> None:
    import subprocess

    warm.materialize()
    own = str(warm.target / "bin/envc")
    done = subprocess.run([own, "verify"], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, f"{warm.target}: generation 1: as published\n")


@pytest.mark.parametrize("words", [("status",), ("rollout",)])
def test_nodes_must_be_named(words: tuple[str, ...]) -> None:
    answer = envc(*words, "--target", "/x")
    assert answer.status == 2
    assert answer.stderr.startswith("error: --nodes SET is missing: ")


@pytest.mark.parametrize("name", ["bin", "store", "wanted", "site", "modulefiles"])
def test_a_layer_takes_no_name_of_the_target_itself(site: SiteFolder, name: str) -> None:
    site.edit("[layer.system]", f"[layer.{name}]")
    answer = site.envc("lock")
    assert answer.status == 2
    assert f"error: no layer may be called '{name}'\n" in answer.stderr


def test_a_repair_leaves_a_line_in_the_audit_log(warm: SiteFolder) -> None:
    warm.materialize()
    edited = next((warm.target / "current/user/lib").rglob("pandas/__init__.py"))
    edited.unlink()
    warm.done("repair", "--target", warm.target)
    (last,) = (warm.target / "audit.jsonl").read_text().splitlines()[-1:]
    assert json.loads(last)["event"] == "repair"
    before = (warm.target / "audit.jsonl").read_text()
    warm.done("repair", "--target", warm.target)
    assert (warm.target / "audit.jsonl").read_text() == before
