"""A roll-out of layers on an environment that envc did not build: each node is held to it."""

import json

import pytest

from cluster.fake_nodes import Cluster, FakeEngine
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.host.context import Context
from envc.rollout.values import RolloutOptions
from support.prefixes import install, toy
from support.sites import SITE_PACKAGES, envc
from support.vendor import WHEELS, vendor_prefix, vendor_site
from support.wheels import build_all

pytestmark = pytest.mark.slow


@pytest.fixture
def nv(tmp_path):
    return vendor_prefix(tmp_path / "nv")


@pytest.fixture
def cluster(tmp_path, tmp_path_factory, nv, kits, monkeypatch):
    """A site with a described layer, locked; every node has its wheels, and the environment."""
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))
    wheels = tmp_path_factory.mktemp("wheels")
    build_all(WHEELS, wheels)
    site = vendor_site(tmp_path, wheels, f"{nv}/bin/python")
    site.done("lock")
    site.materialize()
    cluster = Cluster(site, site.target / "store")
    cluster.warm("n1", "n2", "n3")
    return cluster


def rolled(cluster: Cluster, nodes: str, **options: int):
    settings = RolloutOptions(
        nodes=nodes, target=cluster.target, state=str(cluster.state), **options
    )
    return roll_out(str(cluster.site.folder), settings, FakeEngine(), Context(), lambda _: None)


def test_a_node_without_what_was_described_keeps_what_it_has_and_says_why(cluster, nv):
    assert rolled(cluster, "n[1-2]").ok
    parcel = next((cluster.state / "parcels").iterdir())
    files = json.loads(parcel.read_text())["files"]
    assert sorted(files) == ["base.nv.json", "envc.toml", "pylock.nv.toml", "pylock.user.toml"]
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    answer = envc("converge", "--target", cluster.folder("n1"), "--check")
    told = f"not converged: not as described: {nv}/{SITE_PACKAGES}\n"
    assert (answer.status, answer.stderr) == (1, f"{cluster.folder('n1')}: {told}")
    assert envc("converge", "--target", cluster.folder("n1")).status == 1
    again = rolled(cluster, "n1")
    assert again.sets == {"failed": "n1"}
    assert "new: later-1.0.dist-info" in again.nodes["n1"].reason
    report = rolled(cluster, "n3")
    assert report.sets == {"failed": "n3"}
    assert "new: later-1.0.dist-info" in report.nodes["n3"].reason
    assert cluster.current("n3") is None
    found = status_of_nodes(
        Nodes("n[1-2]", cluster.target),
        FakeEngine(),
        state_folder=str(cluster.state),
        drift=True,
    )
    assert found.sets == {"drifted": "n[1-2]"}
    assert found.nodes["n1"].drift == 1
    cluster.site.done("lock", "--upgrade")
    assert rolled(cluster, "n[1-3]").ok
    for node in cluster.nodes():
        assert cluster.current(node) is not None
