"""The `sci` site on real nodes from one bundle: equal digests, imports work, then nothing to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs
from cluster.ssh_nodes import SshNodes, ssh_nodes
from support.sites import PYTHON, envc_process

pytestmark = [pytest.mark.network, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
NUMBER = 4
IMPORTS = "import numpy, scipy, pandas; print(numpy.arange(3).sum())"


def rolled(site: Path, nodes: SshNodes, bundle: Path) -> Any:
    words = ["rollout", "--nodes", f"n[1-{NUMBER}]", "--target", nodes.target, "--from", bundle]
    more = ["--state", site / "state", "--json"]
    environment = {**nodes.environment, "ENVC_CACHE_DIR": str(CACHE)}
    answer = envc_process(*words, *more, cwd=site, environment=environment)
    assert answer.status == 0, answer.stderr
    return json.loads(answer.stdout)


def test_sci_on_every_node(tmp_path: Path) -> None:
    needs("sshd", "ssh", "ssh-keygen", "scp", "unshare")
    site = tmp_path / "site"
    site.mkdir()
    text = (ROOT / "fixtures/sites/sci/envc.toml").read_text()
    (site / "envc.toml").write_text(text.replace('"3.11"', f'"{PYTHON}"'))
    environment = {"ENVC_CACHE_DIR": str(CACHE)}
    bundle = site / "sci.envc"
    for words in (("lock",), ("bundle", "-o", bundle)):
        answer = envc_process(*words, cwd=site, environment=environment)
        assert answer.status == 0, answer.stderr
    rig = tmp_path / "rig"
    rig.mkdir()
    with ssh_nodes(rig, NUMBER) as nodes:
        report = rolled(site, nodes, bundle)
        assert report["sets"] == {"switched": f"n[1-{NUMBER}]"}
        assert len({node["digest"] for node in report["nodes"].values()}) == 1
        for node in nodes.names:
            said = nodes.ssh(node, f"{nodes.target}/user/bin/python -c '{IMPORTS}'")
            assert said.stdout == "3\n", said.stderr
        again = rolled(site, nodes, bundle)
        assert again["sets"] == {"current": f"n[1-{NUMBER}]"}
        assert not any(node["built"] for node in again["nodes"].values())
