"""A roll-out to some nodes stays one: what is wanted of the others, and what they do about it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.fake_nodes import Cluster, FakeEngine
from envc.commands.converge import ConvergeOrder, check_converged, converge
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.fleet.prepare import target_directory
from envc.fleet.state import StateFolder, said_in
from envc.formats.wanted import groups_to_json
from envc.host.context import Context
from envc.model.nodes import Published, Statement, WantedGroups
from envc.model.value import replace
from envc.reports.rollout import RolloutReport
from envc.rollout.values import RolloutOptions
from support.sites import Answer, envc

pytestmark = pytest.mark.slow  # whole sites are rolled out

ALL = "s[1-4]"


@pytest.fixture
def four(cluster: Cluster) -> Cluster:
    """Four nodes on one generation; the site has the next one."""
    cluster.warm("s1", "s2", "s3", "s4")
    assert rolled(cluster, ALL).sets == {"switched": ALL}
    cluster.upgrade()
    return cluster


def rolled(
    cluster: Cluster, nodes: str, engine: FakeEngine | None = None, **options: Any
) -> RolloutReport:
    settings = RolloutOptions(
        nodes=nodes, target=cluster.target, state=str(cluster.state), **options
    )
    site, used = str(cluster.site.folder), engine or FakeEngine()
    return roll_out(site, settings, used, Context(), lambda state: None)


def sets(cluster: Cluster, nodes: str = ALL) -> dict[str, str]:
    asked = Nodes(nodes=nodes, target=cluster.target)
    return dict(status_of_nodes(asked, FakeEngine(), state_folder=str(cluster.state)).sets)


def wanted(cluster: Cluster) -> WantedGroups:
    return said_in(StateFolder(str(cluster.state)).required())


def told(cluster: Cluster, node: str, *words: object) -> Answer:
    return envc("converge", "--target", cluster.folder(node), *words)


def test_two_of_four(four: Cluster) -> None:
    assert rolled(four, "s[1-2]").sets == {"switched": "s[1-2]"}
    assert sets(four) == {"converged": ALL}
    for node, number in (("s1", 2), ("s2", 2), ("s3", 1), ("s4", 1)):
        for words in (("--check",), ()):
            answer = told(four, node, *words)
            assert (answer.status, answer.stderr) == (
                0,
                f"{four.folder(node)}: converged: on generation {number}\n",
            )
        assert four.current(node) == f"generations/{number:06}"
    assert [group.nodes for group in wanted(four).groups] == ["s[1-2]", "s[3-4]"]
    assert rolled(four, "s[3-4]").sets == {"switched": "s[3-4]"}
    assert [group.nodes for group in wanted(four).groups] == [ALL]
    assert sets(four) == {"converged": ALL}


def test_nothing_is_wanted_of_a_node_that_was_not_rolled_out_to(cluster: Cluster) -> None:
    cluster.warm("s1")
    assert rolled(cluster, "s1").ok
    place = cluster.folder("s9")
    words = ("--state", cluster.state, "--node", "s9")
    for more in (("--check",), ()):
        answer = told(cluster, "s9", *words, *more)
        assert (answer.status, answer.stderr) == (
            0,
            f"{place}: no wanted state for this node (s9)\n",
        )
    report = told(cluster, "s9", *words, "--json").json
    assert (report["converged"], report["group"], report["wanted"]) == (True, None, {})
    assert not place.exists()
    report = told(cluster, "s1", "--check", "--json").json
    assert (report["node"], report["group"]) == ("s1", "s1")


def test_what_older_releases_left_is_wanted_of_all_nodes(four: Cluster) -> None:
    """The others stay on it when this one rolls out to some of them."""
    for path in (four.state / "groups").iterdir():
        path.unlink()
    assert [group.nodes for group in wanted(four).groups] == ["*"]
    assert told(four, "s3", "--check").status == 0
    assert rolled(four, "s[1-2]").sets == {"switched": "s[1-2]"}
    assert [group.nodes for group in wanted(four).groups] == ["s[1-2]", "*"]
    assert sets(four) == {"converged": ALL}
    assert told(four, "s4").status == 0
    assert four.current("s4") == "generations/000001"
    # They read what was rolled out last, for all nodes; and when they write, that counts.
    plain = json.loads((four.state / "wanted.json").read_text())
    assert plain["version"] == 1
    assert plain["generations"][0]["closures"] == wanted(four).groups[0].generations[0].closures
    plain["serial"] += 1
    (four.state / "wanted.json").write_text(json.dumps(plain))
    assert sets(four) == {"behind": "s[3-4]", "converged": "s[1-2]"}


def test_the_parcels_of_every_group_stay(four: Cluster) -> None:
    four.site.edit("[overlays]", "[retain]\ngenerations = 1\ndays = 0\n\n[overlays]")
    four.site.done("lock")
    assert rolled(four, "s1").ok
    named = {each.parcel.removeprefix("sha256:") for each in wanted(four).generations}
    assert {path.stem for path in (four.state / "parcels").iterdir()} == named
    assert len(named) == 2
    # Who sees the wanted.json before for a while longer finds its groups.
    files = list((four.state / "groups").iterdir())
    assert len(files) == 2
    for path in files:
        os.utime(path, (0, 0))
    four.warm("s5")
    answer = told(four, "s5", "--state", four.state, "--node", "s3")
    assert answer.status == 0, answer.stderr
    assert rolled(four, ALL).ok
    assert len(list((four.state / "parcels").iterdir())) == 1
    assert len(list((four.state / "groups").iterdir())) == 1


class Meanwhile(FakeEngine):
    """While its nodes are asked for the first time, something else happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: list[Callable[[], object]] = [happens]
        self.before = lambda node, step: self._happens.pop()() if self._happens else None


def test_two_roll_outs_at_once_lose_nothing_of_each_other(four: Cluster) -> None:
    engine = Meanwhile(lambda: rolled(four, "s[3-4]"))
    assert rolled(four, "s[1-2]", engine).sets == {"switched": "s[1-2]"}
    assert [group.nodes for group in wanted(four).groups] == [ALL]
    assert sets(four) == {"converged": ALL}
    for node in ("s1", "s4"):
        assert told(four, node, "--check").status == 0


def test_what_another_roll_out_took_away_is_there_again(four: Cluster) -> None:
    """It wanted something else, and nobody wanted this yet."""

    def other() -> None:
        four.site.edit('"pandas",\n', '"pandas",\n    "six",\n')
        four.site.done("lock")
        assert rolled(four, "s4").ok

    engine = Meanwhile(other)
    assert rolled(four, "s[1-2]", engine).sets == {"switched": "s[1-2]"}
    assert [group.nodes for group in wanted(four).groups] == ["s3", "s4", "s[1-2]"]
    named = {each.parcel.removeprefix("sha256:") for each in wanted(four).generations}
    assert {path.stem for path in (four.state / "parcels").iterdir()} == named
    assert sets(four) == {"converged": ALL}


def test_a_killed_writer_leaves_the_old_state_or_the_new_one(
    four: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, before = StateFolder(str(four.state)), wanted(four)
    groups = replace(before, serial=before.serial + 2)
    after = Published(
        Statement((four.state / "wanted.json").read_bytes() + b"\n"),
        Statement(groups_to_json(groups)),
    )
    from envc.fleet import state as module

    write, done = module.write_file, list[str]()

    def killed(path: str, content: bytes) -> None:
        if os.path.basename(path) == "wanted.json":
            raise KeyboardInterrupt
        write(path, content)
        done.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_file", killed)
        with pytest.raises(KeyboardInterrupt):
            state.publish(after)
    assert done
    assert wanted(four) == before
    state.publish(after)
    assert wanted(four) == groups


def test_who_sees_the_file_before_sees_its_groups(four: Cluster) -> None:
    """As NFS does, for a minute."""
    assert rolled(four, "s1").ok
    before = (four.state / "wanted.json").read_bytes()
    four.site.edit('"pandas",\n', '"pandas",\n    "six",\n')
    four.site.done("lock")
    assert rolled(four, "s2").ok
    (four.state / "wanted.json").write_bytes(before)
    assert told(four, "s3", "--check").status == 0
    assert [group.nodes for group in wanted(four).groups] == ["s1", "s[2-4]"]


def test_a_damaged_groups_file_is_told_and_written_anew(four: Cluster) -> None:
    path = Path(StateFolder(str(four.state)).required().file)
    path.write_text("{}")
    answer = told(four, "s3", "--check")
    assert (answer.status, str(path) in answer.stderr) == (2, True)
    assert rolled(four, ALL).sets == {"switched": ALL}
    assert told(four, "s3", "--check").status == 0


@pytest.mark.parametrize(
    ("variable", "name"), [("SLURMD_NODENAME", "s2"), ("ENVC_NODE", "s2"), ("HOST", "s2.cluster")]
)
def test_a_node_knows_itself(
    four: Cluster, monkeypatch: pytest.MonkeyPatch, variable: str, name: str
) -> None:
    (four.folder("s2") / "wanted/node").unlink()
    assert told(four, "s2", "--check", "--json").json["group"] is None
    if variable == "HOST":
        monkeypatch.setattr(
            "envc.fleet.names.os.uname", lambda: os.uname_result(["", name] * 2 + [""])
        )
    else:
        monkeypatch.setenv(variable, name)
    assert told(four, "s2", "--check", "--json").json["node"] == "s2"


def test_the_disk_of_a_node_in_another_one_gives_it_no_name(
    four: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(four, "s2", "--check", "--json").json["node"] == "s2"
    monkeypatch.setattr("envc.fleet.names.os.uname", lambda: os.uname_result(["", "x9"] * 2 + [""]))
    assert told(four, "s2", "--check", "--json").json["group"] is None


def test_a_node_that_is_called_otherwise_is_in_its_new_group(
    four: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old name is in a group of the past."""
    monkeypatch.setenv("SLURMD_NODENAME", "s2")
    monkeypatch.setattr("envc.fleet.names.os.uname", lambda: os.uname_result(["", "x2"] * 2 + [""]))
    (four.folder("s2") / "wanted/node").unlink()
    state = StateFolder(str(four.state))
    groups = wanted(four)
    renamed = replace(groups.groups[0], nodes="s[1-4],x2")
    published = state.published()
    assert published is not None
    text = groups_to_json(replace(groups, groups=(renamed,)))
    state.write(Published(published.plain, Statement(text)))
    four.folder("s2").parent.rename(four.folder("x2").parent)
    assert rolled(four, "x2").sets == {"switched": "x2"}
    assert [group.nodes for group in wanted(four).groups] == ["s[1-4]", "x2"]
    report = envc("converge", "--target", four.folder("x2"), "--check", "--json").json
    assert (report["node"], report["converged"], report["generation"]) == ("x2", True, 2)


@pytest.fixture
def behind(four: Cluster) -> Path:
    """The target of a node that was down, some seconds after the wanted state changed."""
    engine = FakeEngine()
    engine.down = {"s2"}
    rolled(four, "s[1-2]", engine, max_failures=1)
    return four.folder("s2")


def test_a_node_that_is_behind_is_the_roll_outs_for_a_while(
    behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("converge", "--target", behind, "--check")
    assert envc(*words).status == 1
    assert envc(*words, "--spread", 0, "--grace", 0).status == 1
    answer = envc(*words, "--grace", 30)
    assert answer.status == 0
    assert " s more that is the roll-out's\n" in answer.stderr
    monkeypatch.setenv("ENVC_GRACE_MINUTES", "30")
    assert envc(*words).status == 0
    assert envc(*words, "--grace", 0).status == 1
    monkeypatch.setenv("ENVC_SPREAD_MINUTES", "soon")
    answer = envc(*words)
    what = "error: ENVC_SPREAD_MINUTES is 'soon', which is no number of minutes\n"
    mend = " help: set it to minutes, or unset it\n"
    assert (answer.status, answer.stderr) == (2, what + mend)
    monkeypatch.delenv("ENVC_SPREAD_MINUTES")
    report = envc(*words, "--json").json
    assert (report["converged"], 60 < report["due_seconds"] <= 1800) == (False, True)


def test_converging_waits_until_it_is_due_and_not_longer(behind: Path) -> None:
    waited: list[float] = []
    order = ConvergeOrder(grace_seconds=40, spread_seconds=5)
    directory = target_directory(str(behind))
    report = converge(directory, order, Context(), wait=waited.append)  # no time passes
    assert report.converged
    assert (waited[:2], 40 <= sum(waited) <= 45) == ([15, 15], True)


def test_who_was_switched_meanwhile_does_nothing(four: Cluster, behind: Path) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        assert rolled(four, "s2").ok

    order = ConvergeOrder(grace_seconds=600)
    report = converge(target_directory(str(behind)), order, Context(), wait=wait)
    assert (report.converged, report.changed, waited) == (True, (), [15])


def test_nodes_begin_one_after_another(behind: Path) -> None:
    directory = target_directory(str(behind))
    order = ConvergeOrder(spread_seconds=10_000)
    dues = {
        node: check_converged(directory, replace(order, node=node)).due_seconds
        for node in ("s1", "s2")
    }
    assert dues["s1"] != dues["s2"]
    assert all(0 <= due <= 10_000 for due in dues.values())
