"""Prepare, switch and converge on one node."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cluster.fake_nodes import Cluster, FakeEngine, values_in
from envc.commands.rollout import roll_out
from envc.errors import UntrustedError
from envc.fleet.parcel import make_parcel
from envc.fleet.prepare import Prepared, prepare_wanted, switch_to, target_directory
from envc.fleet.state import StateFolder
from envc.host.context import Context
from envc.model.digest import Digest
from envc.model.nodes import WantedGeneration
from envc.rollout.values import RolloutOptions
from envc.target.directory import Directory
from support.sites import Answer, envc

pytestmark = pytest.mark.slow  # whole sites are rolled out


def parcel_of(cluster: Cluster) -> Digest:
    """The site's parcel, in the shared folder."""
    from envc.sites.site import load_site

    content = make_parcel(load_site(str(cluster.site.folder), "envc.toml"))
    return StateFolder(str(cluster.state)).put_parcel(content)


def prepared(cluster: Cluster, directory: Directory) -> Prepared:
    """What the site's parcel describes, without any other source of wheels than the store."""
    parcel = parcel_of(cluster)
    wanted = WantedGeneration(closures={}, parcel=parcel, source=None, since="")
    return prepare_wanted(directory, StateFolder(str(cluster.state)), wanted, Context())


def rolled(cluster: Cluster, nodes: str, *down: str) -> None:
    """Roll out; nodes that are down are to hold it, too."""
    engine, most = FakeEngine(), len(down)
    engine.down = set(down)
    options = RolloutOptions(
        nodes=nodes, target=cluster.target, state=str(cluster.state), max_failures=most
    )
    report = roll_out(str(cluster.site.folder), options, engine, Context(), lambda state: None)
    assert {node for node, each in report.nodes.items() if each.state == "failed"} == set(down)


def converge(cluster: Cluster, node: str, *words: str) -> Answer:
    return envc("converge", "--target", cluster.folder(node), *words)


def audit(target: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (target / "audit.jsonl").read_text().splitlines()]


def test_prepare_builds_and_leaves_current(cluster: Cluster) -> None:
    cluster.warm("n1")
    directory = target_directory(str(cluster.folder("n1")))
    first = prepared(cluster, directory)
    assert (first.built, first.current) == (True, False)
    assert directory.current_number() is None
    assert directory.numbers() == [1]
    again = prepared(cluster, directory)
    assert (again.built, again.generation) == (False, first.generation)
    generation, changed = switch_to(directory, first.generation.digest, event="rollout")
    assert (generation.generation, changed) == (1, True)
    assert switch_to(directory, generation.digest, event="rollout")[1] is False
    third = prepared(cluster, directory)
    assert (third.built, third.current) == (False, True)
    assert [line["event"] for line in audit(cluster.folder("n1"))] == [
        "prepare",
        "rollout",
        "switch",
    ]


def test_a_prepared_generation_takes_no_names_from_the_current_one(cluster: Cluster) -> None:
    cluster.warm("n1")
    directory = target_directory(str(cluster.folder("n1")))
    first = prepared(cluster, directory)
    switch_to(directory, first.generation.digest, event="rollout")
    cluster.site.edit('"pandas",\n', '"pandas",\n    "six",\n')  # the layer below stays as it is
    cluster.site.done("lock")
    second = prepared(cluster, directory)
    system, user = (second.generation.layers[name].closure for name in ("system", "user"))
    assert os.readlink(directory.by_lock(system)) == "../generations/000001"
    assert os.readlink(directory.by_lock(user)) == "../generations/000002"
    assert directory.current_number() == 1


def test_what_is_built_is_compared_before_it_gets_a_name(cluster: Cluster) -> None:
    cluster.warm("n1")
    target = cluster.folder("n1")
    directory = target_directory(str(target))
    damaged = next((target / "store").glob("wheels/*/tree/lib/python*/site-packages/six.py*"), None)
    damaged = damaged or next((target / "store").glob("wheels/*/tree/lib/python*/*/*/__init__.py"))
    content = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(content[:-1] + b"#")
    os.utime(damaged, (315_532_800, 315_532_800))
    damaged.chmod(0o444)
    with pytest.raises(UntrustedError) as told:
        prepared(cluster, directory)
    assert " is not what was planned: " in str(told.value)
    assert " (changed)\n" in str(told.value)
    assert str(told.value).endswith("run `envc repair` on the target, and check its disk")
    assert directory.numbers() == []
    assert [name for name in os.listdir(directory.generations) if name.startswith(".staging")] == []


def test_an_unknown_digest_is_not_switched_to(cluster: Cluster) -> None:
    cluster.warm("n1")
    rolled(cluster, "n1")
    target, digest = cluster.folder("n1"), "sha256:" + "1" * 64
    words = ("--target", target, "--state", cluster.state, "--digest", digest)
    answer = envc("node", "switch", *words)
    assert answer.status == 1
    values = values_in(answer.stdout)
    assert values["faults"] == [
        [
            f"generation {digest} is not prepared here",
            str(target),
            "run `envc rollout` again: it prepares what is missing",
        ]
    ]


def test_a_step_without_what_it_needs(cluster: Cluster) -> None:
    answer = envc("node", "prepare", "--target", cluster.folder("n1"), "--json")
    assert (answer.status, answer.stderr) == (
        2,
        "error: prepare needs --state\n help: see `envc node --help`\n",
    )


def test_a_node_that_was_down_for_two_rollouts_converges(cluster: Cluster) -> None:
    cluster.warm("n1", "n2")
    rolled(cluster, "n[1-2]")
    cluster.upgrade()
    rolled(cluster, "n[1-2]", "n2")
    cluster.site.edit('"pandas",\n', '"pandas",\n    "six",\n')
    cluster.site.done("lock")
    rolled(cluster, "n[1-2]", "n2")
    assert cluster.current("n1") == "generations/000003"
    before = sorted(os.listdir(cluster.folder("n2")))
    answer = converge(cluster, "n2", "--check")
    assert (answer.status, answer.stderr) == (
        1,
        f"{cluster.folder('n2')}: not converged: lacks 2 wanted generations, runs generation 1\n",
    )
    assert sorted(os.listdir(cluster.folder("n2"))) == before
    report = converge(cluster, "n2", "--json").json
    assert (report["converged"], report["changed"], report["generation"]) == (True, [2, 3], 3)
    assert converge(cluster, "n2", "--check").status == 0
    assert converge(cluster, "n2", "--json").json["changed"] == []
    digests = {
        json.loads((cluster.folder(node) / "current/manifest.json").read_text())["digest"]
        for node in ("n1", "n2")
    }
    assert len(digests) == 1


def test_a_node_that_joins_holds_what_the_others_hold(cluster: Cluster) -> None:
    cluster.warm("n1", "n2")
    rolled(cluster, "n1")
    cluster.upgrade()
    rolled(cluster, "n1")
    cluster.site.edit('"pandas",\n', '"pandas",\n    "six",\n')
    cluster.site.done("lock")
    rolled(cluster, "n[1-2]")
    report = converge(cluster, "n2", "--check", "--json").json
    # Of three generations the site retains two: the oldest is not made for a node that joins.
    assert (report["converged"], report["missing"], report["generation"]) == (True, [], 2)
    assert cluster.current("n1") == "generations/000003"


def test_an_older_generation_that_cannot_be_had_stops_no_rollout(cluster: Cluster) -> None:
    cluster.warm("n1", "n2")
    rolled(cluster, "n1")
    older = StateFolder(str(cluster.state)).place("parcel", parcel_of(cluster))
    cluster.upgrade()
    os.unlink(older)
    rolled(cluster, "n[1-2]")
    report = converge(cluster, "n2", "--check", "--json").json
    assert (report["converged"], report["generation"], len(report["missing"])) == (False, 1, 1)


def test_a_node_made_anew_converges_from_nothing(cluster: Cluster) -> None:
    cluster.warm("n1")
    rolled(cluster, "n1")
    envc("uninstall", "--target", cluster.folder("n1"))
    assert not cluster.folder("n1").exists()
    cluster.warm("n1")
    state = ("--state", str(cluster.state))
    answer = converge(cluster, "n1", *state)  # it does not know its name any more
    assert answer.status == 0
    assert "no wanted state for this node" in answer.stderr
    assert not (cluster.folder("n1") / "current").exists()
    assert converge(cluster, "n1", *state, "--node", "n1").status == 0
    assert converge(cluster, "n1", "--check", "--json").json["node"] == "n1"
    assert cluster.current("n1") == "generations/000001"


def test_an_altered_parcel_is_not_converged_to(cluster: Cluster) -> None:
    cluster.warm("n1", "n2")
    rolled(cluster, "n[1-2]", "n2")
    (parcel,) = (cluster.state / "parcels").iterdir()
    parcel.write_text(parcel.read_text() + "\n")
    answer = converge(cluster, "n2", "--state", str(cluster.state), "--node", "n2")
    assert answer.status == 5
    assert answer.stderr == (
        "error: the parcel is not what the wanted state names: it was cut off or altered\n"
        f"   at: {parcel}\n help: run `envc rollout` again\n"
    )
    assert cluster.current("n2") is None


def test_nobody_knows_what_is_wanted(cluster: Cluster) -> None:
    target = cluster.folder("n1")
    assert envc("converge", "--target", target, "--check").stderr == (
        "error: what this node is to hold is not known: no roll-out has been here\n"
        f"   at: {target}\n help: name the folder of the wanted state with --state DIR\n"
    )
    answer = envc("converge", "--target", target, "--check", "--state", cluster.state)
    assert answer.stderr == (
        f"error: no wanted state here\n   at: {cluster.state}/wanted.json\n"
        " help: correct --state, or write it with `envc rollout --state DIR`\n"
    )


def test_materialize_keeps_where_the_wanted_state_is(cluster: Cluster) -> None:
    cluster.warm("n1")
    rolled(cluster, "n1")
    cluster.upgrade()
    cluster.site.done("materialize", "--target", cluster.folder("n1"))
    answer = converge(cluster, "n1", "--check", "--json").json
    assert (answer["converged"], answer["state"]) == (False, str(cluster.state))
    assert converge(cluster, "n1").status == 0
    assert cluster.current("n1") == "generations/000001"
