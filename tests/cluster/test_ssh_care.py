"""Three real sshd: a signed roll-out by a real kit, gc on all of them, and one as a gateway."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs
from cluster.ssh_nodes import SshNodes, ssh_nodes
from cluster.traps import Traps, make_traps
from support.keys import make_key
from support.sites import Answer, SiteFolder, envc_process, generations_in

pytestmark = pytest.mark.slow

ALL = "n[1-3]"


@dataclass(frozen=True)
class Rig:
    """Nodes, a site with a key that is rolled out to them, and the folder that they share."""

    nodes: SshNodes
    site: SiteFolder
    traps: Traps
    key: Path
    state: Path

    def envc(self, command: str, *more: object, nodes: str = ALL, **environment: str) -> Answer:
        words = [command, "--nodes", nodes, "--target", self.nodes.target, "--json"]
        return envc_process(
            *words,
            *more,
            cwd=self.site.folder,
            environment={**self.nodes.environment, **environment},
        )

    def roll_out(self, *more: object, nodes: str = ALL, **environment: str) -> Any:
        words = ("--state", self.state, "--sign", self.key, "--python", self.traps.python)
        answer = self.envc("rollout", *words, *more, nodes=nodes, **environment)
        assert answer.stdout, answer.stderr
        return answer.json

    def change(self, project: str) -> None:
        self.site.edit('requires = ["report"', f'requires = ["report", "{project}"')
        self.site.done("lock")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, recipes: Path, kits: Path) -> Iterator[Rig]:
    needs("sshd", "ssh", "ssh-keygen", "scp", "unshare", "strace")
    folder = tmp_path_factory.mktemp("ssh")
    site = SiteFolder(folder / "world", recipes).write()
    make_key(folder / "ada")
    key = (folder / "ada.pub").read_text().strip()
    site.edit('name = "canopy"\n', f'name = "canopy"\nkeys = ["{key}"]\n')
    site.edit("[overlays]", "[retain]\ndays = 0\n\n[overlays]")
    site.done("lock")
    with ssh_nodes(folder, 3) as nodes, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENVC_CACHE_DIR", str(kits))
        rig = Rig(nodes, site, make_traps(folder / "traps"), folder / "ada", folder / "state")
        assert rig.roll_out()["sets"] == {"switched": ALL}
        yield rig


@pytest.fixture(autouse=True)
def _kits(kits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))


def test_a_node_verifies_with_what_the_kit_brings(rig: Rig) -> None:
    check = f"{rig.nodes.target}/bin/envc converge --check"
    assert rig.nodes.ssh("n2", check).returncode == 0
    wanted = rig.state / "wanted.json"
    text = wanted.read_bytes()
    wanted.write_bytes(text.replace(b'"canopy"', b'"chaos"'))
    said = rig.nodes.ssh("n2", check)
    wanted.write_bytes(text)
    assert said.returncode == 5
    assert said.stderr.startswith(f"error: it is not signed\n   at: {wanted}\n")


def test_gc_on_every_node_keeps_what_a_job_there_uses(rig: Rig) -> None:
    fifo = rig.state / "go"
    os.mkfifo(fifo)
    code = f"print('begun', flush=True); open('{fifo}').read()"
    words = ["ssh", "-F", str(rig.nodes.folder / "ssh_config"), "n2"]
    job = f'{rig.nodes.target}/user/bin/python -c "{code}"'
    with subprocess.Popen([*words, job], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        for project in ("six", "theme"):
            rig.change(project)
            assert rig.roll_out()["ok"]
        dry = rig.envc("gc", "--dry-run").json
        done = rig.envc("gc").json
        fifo.write_text("")
    for report in (dry, done):
        assert report["sets"] == {"collected": ALL}
        removed = {node: each["removed"] for node, each in report["nodes"].items()}
        assert removed == {"n1": [1], "n2": [], "n3": [1]}
        kept = {"1": "in use", "2": "newest", "3": "current"}
        assert report["nodes"]["n2"]["kept"] == kept
    assert rig.envc("gc").json["nodes"]["n2"]["removed"] == [1]
    assert generations_in(rig.nodes.disk("n2")) == ["000002", "000003"]


@pytest.fixture
def tree(rig: Rig) -> Iterator[dict[str, str]]:
    """ClusterShell reaches n2 and n3 through n1, which reaches them as the operator does."""
    import ClusterShell

    folder = rig.nodes.folder
    topology = folder / "topology.conf"
    topology.write_text(f"[routes]\n{os.uname().nodename.split('.')[0]}: n1\nn1: n[2-3]\n")
    gateway = folder / "gateway"
    library = Path(ClusterShell.__file__).parents[1]
    # What n1 runs as a gateway: ClusterShell with the same configuration as here.
    gateway.write_text(
        f"#!/bin/sh\nexport CLUSTERSHELL_CFGDIR={folder} PYTHONPATH={library}\n"
        f'echo $$ > {folder}/gateway.pid\nexec {sys.executable} "$@"\n'
    )
    gateway.chmod(0o755)
    (folder / "gateway.pid").unlink(missing_ok=True)
    yield {"CLUSTERSHELL_GW_PYTHON_EXECUTABLE": str(gateway)}
    topology.unlink()


def test_leaves_are_reached_through_a_gateway_and_finished_after_it_died(
    rig: Rig, tree: dict[str, str]
) -> None:
    nodes = "n[2-3]"
    rig.change("solver")
    assert rig.roll_out(nodes=nodes, **tree)["sets"] == {"switched": nodes}
    gateway = rig.nodes.folder / "gateway.pid"
    assert gateway.exists()

    rig.change("notebook")
    before = rig.nodes.current("n3")
    rig.traps.set("n3", "wait")
    words = ["rollout", "--nodes", nodes, "--target", rig.nodes.target, "--state", rig.state]
    words += ["--sign", rig.key, "--python", rig.traps.python]
    words += ["--json", "--canary", "0", "--retries", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "envc", *map(str, words)],
        cwd=rig.site.folder,
        env={**os.environ, **rig.nodes.environment, **tree},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        held = rig.traps.hold()
        os.kill(int(gateway.read_text()), signal.SIGKILL)
        output, _ = process.communicate()
        os.close(held)
    assert process.returncode == 4
    report = json.loads(output)
    assert report["sets"]["failed"].endswith(("n3", "n[2-3]"))
    assert report["nodes"]["n3"]["reason"] == "no answer came back: its gateway was lost"
    assert rig.nodes.current("n3") == before
    report = rig.roll_out(nodes=nodes, **tree)
    assert report["ok"], report
    assert len({node["digest"] for node in report["nodes"].values()}) == 1
    assert rig.nodes.current("n3") != before
