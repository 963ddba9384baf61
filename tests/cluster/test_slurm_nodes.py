"""Sixteen real slurmd: roll-outs from outside and from inside of an allocation, and the hooks."""

import json
import shlex
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs, until
from cluster.slurm_nodes import SlurmNodes, slurm_nodes
from cluster.traps import WHILE_PREPARING, Traps, make_traps
from support.sites import SiteFolder

pytestmark = pytest.mark.slow

NUMBER = 16
ALL = f"n[1-{NUMBER}]"
HOOKS = Path(__file__).parents[2] / "docs/hooks"


@dataclass(frozen=True)
class Rig:
    """Nodes, the site that is rolled out to them, and the folder that they share."""

    nodes: SlurmNodes
    site: SiteFolder
    traps: Traps
    state: Path

    def envc(self, *words: object, before: tuple[object, ...] = ()) -> Any:
        """The report of a command that speaks to nodes; `before` it: salloc."""
        command = [*before, sys.executable, "-m", "envc", *words]
        more = ["--engine", "slurm", "--target", self.nodes.target, "--json"]
        done = self.nodes.run(*command, *more, "--state", self.state, cwd=self.site.folder)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def roll_out(self, nodes: str, *more: object, before: tuple[object, ...] = ()) -> Any:
        words = ["rollout", "--nodes", nodes, "--python", self.traps.python, *more]
        return self.envc(*words, before=before)

    def change(self, project: str) -> None:
        """Give the site another generation."""
        self.site.edit('requires = ["report"', f'requires = ["report", "{project}"')
        self.site.done("lock")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, recipes: Path, kits: Path) -> Iterator[Rig]:
    needs("slurmd", "slurmctld", "srun", "munged", "nsenter", "unshare", "ip", "strace")
    folder = tmp_path_factory.mktemp("slurm")
    site = SiteFolder(folder / "world", recipes).write()
    site.done("lock")
    state, target = folder / "shared", folder / "Canopy"
    config = f"ENVC_TARGET={target}\nENVC_STATE={state}\nENVC_START=true\n"
    config += "ENVC_GRACE_MINUTES=0\nENVC_SPREAD_MINUTES=0\n"
    (folder / "envc-node.conf").write_text(config)
    with (
        slurm_nodes(folder, NUMBER) as nodes,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("ENVC_CACHE_DIR", str(kits))
        rig = Rig(nodes, site, make_traps(folder / "traps"), state)
        report = rig.roll_out(ALL)
        assert report["sets"] == {"switched": ALL}, report
        assert len({node["digest"] for node in report["nodes"].values()}) == 1
        yield rig


@pytest.fixture(autouse=True)
def _kits(kits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))


def test_one_job_runs_the_same_on_every_node(rig: Rig) -> None:
    python = rig.nodes.target / "user/bin/python"
    words = ("srun", "-N", NUMBER, python, "-c", "import scipy; print(scipy.__version__)")
    done = rig.nodes.run(*words)
    assert done.stdout == "1.11.0\n" * NUMBER, done.stderr
    assert rig.roll_out(ALL)["sets"] == {"current": ALL}
    status = rig.envc("status", "--nodes", ALL)
    assert status["sets"] == {"converged": ALL}


def test_busy_broken_and_lost_nodes(rig: Rig) -> None:
    rig.change("six")
    busy = rig.nodes.run("sbatch", "-w", "n2", "--wrap", "sleep 600")
    assert busy.returncode == 0, busy.stderr
    until(lambda: len(rig.nodes.idle()) == NUMBER - 1, "the job")
    before = rig.nodes.current("n4")
    rig.traps.set("n4", WHILE_PREPARING)
    report = rig.roll_out("n[1-4]", "--max-failures", 2, "--retries", 0)
    assert report["sets"] == {"failed": "n4", "pending": "n2", "switched": "n[1,3]"}
    assert report["nodes"]["n2"]["reason"].startswith("it is busy: srun: ")
    assert rig.nodes.current("n4") == before
    rig.nodes.run("scancel", "--full", "--user", "root")
    until(lambda: len(rig.nodes.idle()) == NUMBER, "the end of the job")
    report = rig.roll_out("n[1-4]")
    assert report["sets"] == {"current": "n[1,3]", "switched": "n[2,4]"}


def test_inside_an_allocation_files_go_by_sbcast(rig: Rig) -> None:
    """Nodes share no folder: the kit and the parcel come to each node's own disk."""
    rig.change("theme")
    command = [sys.executable, "-m", "envc", "rollout", "--nodes", "n[1-4]", "--json"]
    done = rig.nodes.run(
        *("salloc", "--quiet", "-w", "n[1-4]", "-N", 4),
        *command,
        *("--engine", "slurm", "--target", rig.nodes.target),
        cwd=rig.site.folder,
    )
    report = json.loads(done.stdout)
    assert report["sets"] == {"switched": "n[1-4]"}, done.stderr
    for node in ("n1", "n4"):
        assert list((rig.nodes.disk(node) / "wanted/parcels").iterdir())
    assert rig.roll_out("n[1-4]")["sets"] == {"current": "n[1-4]"}


def test_a_job_keeps_its_generation_on_all_its_nodes(rig: Rig) -> None:
    """The steps of one job, before a roll-out and after it, on two nodes."""
    assert rig.roll_out("n[5-6]")["ok"]
    prefix = "import sys; print(sys.prefix)"
    plain = f"srun --overlap -N 2 {rig.nodes.target}/user/bin/python -c '{prefix}'"
    own = f"{rig.nodes.target}/bin/envc run --layer user"
    pin = f"srun --overlap -N 1 -n 1 -w n5 {own} -- sh -c 'echo $ENVC_LOCK'"
    rig.change("clash-one")
    again = (
        f"{sys.executable} -m envc rollout --engine slurm --nodes n[5-6]"
        f" --target {rig.nodes.target} --state {rig.state} --json > /dev/null"
    )
    script = (
        f"lock=$({pin}); ENVC_LOCK=$lock {plain}; echo rolled; {again} || exit 9;"
        f" ENVC_LOCK=$lock {plain}; echo unpinned; {plain}"
    )
    done = rig.nodes.run(
        "salloc", "--quiet", "-w", "n[5-6]", "-N", 2, "sh", "-c", script, cwd=rig.site.folder
    )
    assert done.returncode == 0, done.stderr
    pinned, _, rest = done.stdout.partition("rolled\n")
    after, _, unpinned = rest.partition("unpinned\n")
    assert sorted(pinned.split()) == sorted(after.split())
    assert len(pinned.split()) == len(unpinned.split()) == 2
    assert set(unpinned.split()).isdisjoint(after.split())


def test_the_hooks_bring_a_node_along(rig: Rig) -> None:
    """Health check, unit and Prolog, each run on the node as its daemons would run it."""
    config = rig.nodes.folder / "envc-node.conf"

    def hook(*command: object) -> None:
        done = rig.nodes.on("n7", "env", f"ENVC_NODE_CONFIG={config}", *command)
        assert done.returncode == 0, done.stderr

    def reason() -> str:
        said = rig.nodes.run("scontrol", "show", "node", "n7").stdout
        return "".join(line.strip() for line in said.splitlines() if "Reason=" in line)

    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # keys keep their case
    unit.read(HOOKS / "envc-converge.service")
    settings = config.read_text().split()
    start = ("env", *settings, *shlex.split(unit["Service"]["ExecStart"]))

    assert rig.roll_out("n[7-8]")["ok"]
    # What earlier roll-outs left in the wanted state comes along too.
    assert rig.nodes.on("n7", *start).returncode == 0
    hook(HOOKS / "slurm-health-check")
    assert reason() == ""

    def roll_out_without_it() -> None:
        until(lambda: "n7" in rig.nodes.idle(), "n7")  # what was drained may still be busy
        rig.traps.set("n7", WHILE_PREPARING)
        may_fail = ("--canary", 0, "--retries", 0, "--max-failures", 1)
        report = rig.roll_out("n[7-8]", *may_fail)
        assert report["sets"] == {"failed": "n7", "switched": "n8"}, report

    rig.change("solver")
    roll_out_without_it()
    before = rig.nodes.current("n7")
    hook(HOOKS / "slurm-health-check")
    assert reason().startswith("Reason=envc: not converged")
    assert rig.nodes.current("n7") == before

    done = rig.nodes.on("n7", *start)
    assert done.returncode == 0, done.stderr
    after = rig.nodes.current("n7")
    assert after != before
    hook(HOOKS / "slurm-health-check")
    assert reason() == ""

    rig.change("notebook")
    roll_out_without_it()
    hook(HOOKS / "slurm-prolog")
    assert rig.nodes.current("n7") != after
    assert rig.envc("status", "--nodes", "n7")["sets"] == {"converged": "n7"}
