"""`envc gc --nodes`, and what a roll-out removes that nobody wants any more."""

import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cluster.fake_nodes import Cluster, FakeEngine
from envc.commands.gc_nodes import collect_on_nodes
from envc.commands.rollout import roll_out
from envc.fleet.asking import Nodes
from envc.host.context import Context
from envc.model.nodes import NodeAnswer
from envc.reports.gc_nodes import NodesCollectReport
from envc.rollout.values import RolloutOptions
from support.sites import envc, generations_in

pytestmark = pytest.mark.slow  # whole sites are rolled out

SCHEMA = Path(__file__).parents[2] / "schemas/output-gc-nodes-v1.schema.json"


def rolled(cluster: Cluster, nodes: str, **options: Any) -> None:
    options.setdefault("state", str(cluster.state))
    settings = RolloutOptions(nodes=nodes, target=cluster.target, **options)
    site = str(cluster.site.folder)
    assert roll_out(site, settings, FakeEngine(), Context(), lambda state: None).ok


@pytest.fixture
def thrice(cluster: Cluster) -> Cluster:
    """Nodes that three generations were rolled out to; their site retains two, for no day."""
    cluster.warm("n1", "n2")
    cluster.site.edit("[overlays]", "[retain]\ndays = 0\n\n[overlays]")
    rolled(cluster, "n[1-2]")
    cluster.upgrade()
    rolled(cluster, "n[1-2]")
    cluster.site.edit('"pandas",\n', '"pandas",\n    "six",\n')
    cluster.site.done("lock")
    rolled(cluster, "n[1-2]")
    return cluster


def collected(
    cluster: Cluster, engine: FakeEngine, nodes: str = "n[1-2]", **options: Any
) -> NodesCollectReport:
    asked = Nodes(nodes=nodes, target=cluster.target)
    return collect_on_nodes(asked, engine, **options)


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def test_each_node_says_what_would_go_and_why_the_rest_stays(thrice: Cluster) -> None:
    engine = FakeEngine()
    engine.down = {"n4"}
    engine.troubles = {
        "n3": [lambda answer: NodeAnswer(node="n3", outcome="ended", status=127)],
        "n5": [lambda answer: NodeAnswer(node="n5", outcome="busy")],
    }
    with in_use(thrice.folder("n2") / "generations/000001/.lease"):
        report = collected(thrice, engine, "n[1-5]", newest=1, dry_run=True)
        real = collected(thrice, FakeEngine(), newest=1)
    assert (report.ok, report.dry_run) == (False, True)
    assert report.sets == {
        "absent": "n3",
        "collected": "n[1-2]",
        "failed": "n4",
        "pending": "n5",
    }
    one, two = report.nodes["n1"], report.nodes["n2"]
    assert (one.removed, one.kept) == ((1,), {2: "wanted", 3: "current"})
    assert (two.removed, two.kept) == ((), {1: "in use", 2: "wanted", 3: "current"})
    assert report.nodes["n4"].reason == "no answer came back: ssh: connect: No route to host"
    assert real.ok
    assert [real.nodes[node].removed for node in ("n1", "n2")] == [(1,), ()]
    for node, numbers in (("n1", ["000002", "000003"]), ("n2", ["000001", "000002", "000003"])):
        assert generations_in(thrice.folder(node)) == numbers
    assert collected(thrice, FakeEngine()).nodes["n2"].removed == (1,)
    assert envc("converge", "--target", thrice.folder("n2"), "--check").status == 0


def test_a_pin_keeps_a_generation(thrice: Cluster) -> None:
    envc("generations", "--target", thrice.folder("n1"), "--pin", "1")
    kept = collected(thrice, FakeEngine(), dry_run=True).nodes["n1"].kept
    assert kept == {1: "pinned", 2: "newest", 3: "current"}


def test_a_wanted_state_that_cannot_be_read_ends_the_run(thrice: Cluster) -> None:
    wanted = thrice.state / "wanted.json"
    wanted.write_text("{}")
    report = collected(thrice, FakeEngine(), "n1", newest=1)
    assert report.sets == {"failed": "n1"}
    assert report.nodes["n1"].reason.startswith(f"{wanted} (version): not a wanted state: ")
    assert report.nodes["n1"].mend == "run `envc rollout` again, or correct the path"
    assert len(os.listdir(thrice.folder("n1") / "generations")) == 3


def test_the_command_prints_a_table_or_json(thrice: Cluster) -> None:
    for node in ("n1", "n2"):  # the local engine calls each node's own envc
        command = thrice.folder(node) / "bin/envc"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m envc "$@"\n')
        command.chmod(0o755)
    words = ("gc", "--nodes", "n[1-2]", "--target", thrice.target, "--engine", "local")
    answer = envc(*words, "--dry-run", "--keep", "1")
    assert answer.status == 0, answer.stderr
    head, one, _ = (re.split(" {2,}", line) for line in answer.stdout.splitlines())
    assert head == ["node", "state", "would remove", "stored trees", "others", "stays", "free"]
    assert one[:6] == ["n1", "collected", "1", "0", "1", "2 wanted, 3 current"]
    report = envc(*words, "--json").json
    assert report["nodes"]["n1"]["kept"] == {"2": "newest", "3": "current"}
    schema = json.loads(SCHEMA.read_text())
    assert list(Draft202012Validator(schema).iter_errors(report)) == []
    answer = envc(*words[:2], "n[1,9]", *words[3:])
    assert answer.status == 4
    absent = answer.stdout.splitlines()[2]
    assert absent.startswith("n9    absent     ")
    assert absent.endswith("  no envc is there: nothing was rolled out")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_rollout_removes_from_the_shared_folder_what_nobody_wants(thrice: Cluster) -> None:
    wanted = json.loads((thrice.state / "wanted.json").read_text())
    parcels = [each["parcel"].removeprefix("sha256:") for each in wanted["generations"]]
    assert len(parcels) == 2
    assert names(thrice.state / "parcels") == sorted(f"{parcel}.json" for parcel in parcels)
    assert names(thrice.state / "kits") == [f"{wanted['kit'].removeprefix('sha256:')}.zip"]
    old = "0" * 64
    for name in (f"kits/{old}.zip", f"bundles/{old}.envc", "kits/README"):
        (thrice.state / name).parent.mkdir(exist_ok=True)
        (thrice.state / name).touch()
    rolled(thrice, "n[1-2]")  # nothing changes
    assert (thrice.state / f"kits/{old}.zip").exists()
    thrice.site.edit('"six"]', '"six", "theme"]')
    thrice.site.done("lock")
    rolled(thrice, "n[1-2]")
    assert names(thrice.state / "bundles") == []
    assert old not in "".join(names(thrice.state / "kits"))
    assert (thrice.state / "kits/README").exists()  # not envc's
    assert parcels[0] in "".join(names(thrice.state / "parcels"))
    assert parcels[1] not in "".join(names(thrice.state / "parcels"))
    sites = names(thrice.folder("n2") / "wanted/sites")  # the canary is a roll-out behind
    assert parcels[0] in sites
    assert len(sites) == 2


def test_a_rollout_removes_from_nodes_what_nobody_wants(cluster: Cluster) -> None:
    cluster.warm("n1")
    folder = cluster.folder("n1")
    homes = {digit: folder / "envc" / (digit * 64) for digit in "0123"}
    for home in homes.values():
        home.mkdir(parents=True)
        (home / "bin").mkdir()
        for name in ("run.py", "bin/envc"):
            (home / name).touch()
    (folder / "bin").mkdir()
    (folder / "bin/envc").symlink_to(f"../envc/{'1' * 64}/bin/envc")
    with in_use(homes["2"] / "run.py"):
        rolled(cluster, "n1", state=None)
        cluster.site.edit("[overlays]", "[retain]\ngenerations = 1\ndays = 0\n\n[overlays]")
        cluster.upgrade()
        rolled(cluster, "n1", state=None)
    assert [digit for digit, home in homes.items() if home.exists()] == ["1", "2"]
    assert len(names(folder / "wanted/parcels")) == 1
    assert len(names(folder / "wanted/sites")) == 1
    report = envc("gc", "--target", folder, "--dry-run", "--json").json
    assert report["others_removed"] == [f"envc/{'2' * 64}"]
    answer = envc("gc", "--target", folder)
    assert f"  removed envc/{'2' * 64}\n" in answer.stderr
    assert not homes["2"].exists()
