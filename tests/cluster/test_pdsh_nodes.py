"""pdsh on real sshd, by a site's spec alone: nothing of envc knows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.daemons import needs
from cluster.ssh_nodes import SshNodes, ssh_nodes
from support.sites import Answer, SiteFolder, envc_process

pytestmark = pytest.mark.slow
ENGINE = """
[engine.pdsh]
run = ["pdsh", "-R", "ssh", "-f", "{{fan_out}}", "-w", "{{nodes}}", "{{command}}"]
copy = ["scp", "-q", "-F", "{config}", "{{path}}", "{{node}}:{{place}}"]
"""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[SshNodes]:
    needs("sshd", "ssh", "ssh-keygen", "scp", "unshare", "pdsh")
    with ssh_nodes(tmp_path, 3) as nodes:
        yield nodes


def test_a_rollout_and_what_nodes_run(
    nodes: SshNodes, site: SiteFolder, kits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))
    site.done("lock")
    with (site.folder / "envc.toml").open("a") as file:
        file.write(ENGINE.format(config=nodes.folder / "ssh_config"))

    def call(*words: object) -> Answer:
        surroundings = {"PDSH_SSH_ARGS_APPEND": f"-F {nodes.folder / 'ssh_config'}"}
        words = (*words, "--target", nodes.target, "--engine", "pdsh", "--json")
        return envc_process(*words, cwd=site.folder, environment=surroundings)

    bundle = site.root / "canopy.envc"
    site.done("bundle", "-o", bundle)
    answer = call("rollout", "--nodes", "n[1-3]", "--from", bundle)
    assert answer.status == 0, answer.stderr
    assert answer.json["sets"] == {"switched": "n[1-3]"}
    assert answer.json["engine"] == "pdsh"
    nodes.stop("n2")
    report = call("status", "--nodes", "n[1-3]").json
    assert report["nodes"]["n1"]["generation"] == 1
    assert report["nodes"]["n2"]["condition"] == "failed"
    assert "Connection refused" in report["nodes"]["n2"]["reason"]
