"""Eight real slurmd that run the hooks themselves, from before the first roll-out on."""

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs, until
from cluster.slurm_nodes import SlurmNodes, slurm_nodes
from support.sites import SiteFolder

pytestmark = pytest.mark.slow

NUMBER = 8
ALL = f"n[1-{NUMBER}]"
HOOKS = Path(__file__).parents[2] / "docs/hooks"
# Slurm gives its hooks no variables of ours.
HOOK = """\
#!/bin/sh
export PATH={path} SLURM_CONF={folder}/slurm.conf ENVC_NODE_CONFIG={folder}/node.conf
{hook} >> {folder}/{name}.log 2>&1
status=$?
echo "$SLURMD_NODENAME" >> {folder}/{name}.done
exit $status
"""
NODE = """\
ENVC_TARGET={target}
ENVC_STATE={state}
ENVC_START="{state}/converge {target} --quiet"
ENVC_GRACE_MINUTES=0
ENVC_SPREAD_MINUTES=0
"""
MORE = """\
HealthCheckProgram={folder}/slurm-health-check
HealthCheckInterval=2
HealthCheckNodeState=ANY
Prolog={folder}/slurm-prolog
"""


@dataclass(frozen=True)
class Rig:
    """Nodes, and the site that is rolled out to them."""

    nodes: SlurmNodes
    site: SiteFolder

    def envc(self, *words: object) -> Any:
        command = [sys.executable, "-m", "envc", *words, "--engine", "slurm", "--json"]
        places = ("--target", self.nodes.target, "--state", self.nodes.folder / "shared")
        done = self.nodes.run(*command, *places, cwd=self.site.folder)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def reasons(self) -> dict[str, str]:
        """Why nodes are out of service, as Slurm has it."""
        said = self.nodes.run("sinfo", "-h", "-N", "-o", "%N|%E").stdout
        rows = (line.split("|") for line in said.splitlines())
        return {node: reason for node, reason in rows if reason != "none"}

    def checks(self) -> Counter[str]:
        """How often each node has asked."""
        path = self.nodes.folder / "slurm-health-check.done"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def asks_again(self) -> None:
        """Every node begins a health check from now on, and ends it."""
        before = self.checks()
        until(
            lambda: all(self.checks()[node] >= before[node] + 2 for node in self.nodes.names),
            "a health check of each node",
        )


@pytest.fixture
def rig(
    tmp_path: Path, recipes: Path, kits: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    needs("slurmd", "slurmctld", "srun", "munged", "nsenter", "unshare", "ip")
    site = SiteFolder(tmp_path / "world", recipes).write()
    site.done("lock")
    target, state = tmp_path / "Canopy", tmp_path / "shared"
    (tmp_path / "node.conf").write_text(NODE.format(target=target, state=state))
    for name in ("slurm-health-check", "slurm-prolog"):
        hook = tmp_path / name
        text = {"path": os.environ["PATH"], "folder": tmp_path, "name": name}
        hook.write_text(HOOK.format(hook=HOOKS / name, **text))
        hook.chmod(0o755)
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))
    with slurm_nodes(tmp_path, NUMBER, more=MORE.format(folder=tmp_path)) as nodes:
        yield Rig(nodes, site)


def test_hooks_that_are_on_before_the_first_roll_out(rig: Rig) -> None:
    rig.asks_again()
    assert rig.reasons() == {}
    report = rig.envc("rollout", "--nodes", ALL)
    assert report["sets"] == {"switched": ALL}, report
    rig.asks_again()
    assert rig.reasons() == {}

    # Two of eight, one of which somebody has drained.
    rig.nodes.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=bad memory")
    rig.site.edit('requires = ["report"', 'requires = ["report", "six"')
    rig.site.done("lock")
    report = rig.envc("rollout", "--nodes", "n[1-2]")
    assert report["sets"] == {"pending": "n2", "switched": "n1"}, report
    until(lambda: rig.nodes.current("n2") == "generations/000002", "n2, by itself")
    rig.asks_again()
    assert rig.reasons() == {"n2": "bad memory"}
    rest = [rig.nodes.current(f"n{number}") for number in range(3, NUMBER + 1)]
    assert rest == ["generations/000001"] * 6
    status = rig.envc("status", "--nodes", ALL)
    assert status["sets"] == {"converged": "n[1,3-8]", "pending": "n2"}
    if shutil.which("sudo") is not None:
        report = rig.envc("rollout", "--nodes", "n3", "--become")
        assert report["sets"] == {"switched": "n3"}, report
    done = rig.nodes.run("srun", "-w", "n3", rig.nodes.target / "user/bin/python", "-c", "print(1)")
    assert done.stdout == "1\n", done.stderr
