"""Sixteen real sshd: a roll-out to all of them, what can break, and what goes on running."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs
from cluster.ssh_nodes import SshNodes, ssh_nodes
from cluster.traps import WHILE_PREPARING, WHILE_SWITCHING, Traps, make_traps
from support.sites import Answer, SiteFolder, envc_process

pytestmark = pytest.mark.slow

NUMBER = 16
ALL = f"n[1-{NUMBER}]"


@dataclass(frozen=True)
class Rig:
    """Nodes, the site that is rolled out to them, and the folder that they share.

    `first` is the answer of the first roll-out, which every test begins after.
    """

    nodes: SshNodes
    site: SiteFolder
    traps: Traps
    state: Path
    first: list[Answer]

    def words(self, nodes: str, *more: str) -> list[str]:
        words = ["rollout", "--nodes", nodes, "--target", str(self.nodes.target), "--json"]
        return [*words, "--state", str(self.state), "--python", str(self.traps.python), *more]

    def roll_out(self, *more: str, nodes: str = ALL) -> Answer:
        return envc_process(
            *self.words(nodes, *more), cwd=self.site.folder, environment=self.nodes.environment
        )

    def status(self, nodes: str = ALL, *more: str) -> Any:
        words = ["status", "--nodes", nodes, "--target", self.nodes.target, "--json"]
        answer = envc_process(
            *words,
            "--state",
            self.state,
            *more,
            cwd=self.site.folder,
            environment=self.nodes.environment,
        )
        return answer.json

    def change(self, project: str) -> None:
        """Give the site another generation."""
        text = (self.site.folder / "envc.toml").read_text()
        changed = text.replace('requires = ["report"', f'requires = ["report", "{project}"')
        (self.site.folder / "envc.toml").write_text(changed)
        self.site.done("lock")


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache where the whole kit is made."""
    return tmp_path_factory.mktemp("whole-kit")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, recipes: Path, kits: Path) -> Iterator[Rig]:
    needs("sshd", "ssh", "ssh-keygen", "scp", "unshare", "strace")
    folder = tmp_path_factory.mktemp("ssh")
    site = SiteFolder(folder / "world", recipes).write()
    site.done("lock")
    with ssh_nodes(folder, NUMBER) as nodes, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENVC_CACHE_DIR", str(kits))
        rig = Rig(nodes, site, make_traps(folder / "traps"), folder / "state", [])
        rig.first.append(rig.roll_out())
        yield rig


@pytest.fixture(autouse=True)
def _kits(kits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))


def test_every_node_gets_the_same_and_a_second_run_does_nothing(rig: Rig) -> None:
    (answer,) = rig.first
    assert answer.status == 0, answer.stderr
    report = answer.json
    assert report["sets"] == {"switched": ALL}
    assert len({node["digest"] for node in report["nodes"].values()}) == 1
    for node in rig.nodes.names:
        said = rig.nodes.ssh(
            node, f"{rig.nodes.target}/user/bin/python -c 'import scipy; print(scipy.__version__)'"
        )
        assert said.stdout == "1.11.0\n", said.stderr
    again = rig.roll_out().json
    assert again["sets"] == {"current": ALL}
    assert not any(node["built"] for node in again["nodes"].values())
    status = rig.status(ALL, "--drift")
    assert status["sets"] == {"converged": ALL}
    assert {node["drift"] for node in status["nodes"].values()} == {0}
    own = rig.nodes.ssh("n2", f"{rig.nodes.target}/bin/envc converge --check --json")
    assert json.loads(own.stdout)["converged"] is True


def test_nodes_that_break_keep_what_they_have_and_a_rerun_finishes_them(rig: Rig) -> None:
    rig.change("six")
    before = {node: rig.nodes.current(node) for node in rig.nodes.names}
    rig.nodes.stop("n3")
    rig.nodes.start("n3", megabytes=20)
    rig.nodes.wait("n3")
    rig.nodes.stop("n5")
    rig.traps.set("n4", "missing")
    rig.traps.set("n7", WHILE_PREPARING)
    answer = rig.roll_out("--max-failures", "4", "--retries", "0")
    assert answer.status == 4, answer.stderr
    report = answer.json
    assert report["sets"] == {"failed": "n[3-5,7]", "switched": "n[1-2,6,8-16]"}
    reasons = {node: report["nodes"][node]["reason"] for node in ("n3", "n4", "n5", "n7")}
    target = rig.nodes.target
    assert reasons["n3"] == f"{target}: envc cannot be unpacked: No space left on device"
    assert reasons["n4"].startswith("it ended with status 127: ")
    assert reasons["n5"].startswith("no answer came back: ssh: connect to host ")
    assert reasons["n7"] == "it ended with status 137: Killed"
    for node in ("n4", "n5", "n7"):
        assert rig.nodes.current(node) == before[node]
    rig.nodes.stop("n3")
    rig.nodes.start("n3")
    rig.nodes.start("n5")
    for node in ("n3", "n5"):
        rig.nodes.wait(node)
    report = rig.roll_out().json
    assert report["sets"] == {"current": "n[1-2,6,8-16]", "switched": "n[3-5,7]"}
    assert len({node["digest"] for node in report["nodes"].values()}) == 1


def test_a_node_killed_while_it_is_switched_runs_the_old_or_the_new(rig: Rig) -> None:
    rig.change("theme")
    nodes = "n[1-4]"
    report = rig.roll_out(nodes="n[1,3-4]").json
    assert report["sets"] == {"switched": "n[1,3-4]"}
    prepare = ["node", "prepare", "--state", rig.state, "--parcel", report["parcel"]]
    said = rig.nodes.ssh("n2", " ".join(map(str, [rig.nodes.target / "bin/envc", *prepare])))
    assert said.returncode == 0, said.stderr
    before = rig.nodes.current("n2")
    digest = report["nodes"]["n1"]["digest"]
    switch = ["node", "switch", "--target", rig.nodes.target, "--state", rig.state]
    rig.traps.set("n2", WHILE_SWITCHING)
    run = next((rig.nodes.disk("n2") / "envc").glob("*/run.py"))
    inside = rig.nodes.target / run.relative_to(rig.nodes.disk("n2"))
    words = [rig.traps.python, "-I", "-S", inside, *switch, "--digest", digest]
    said = rig.nodes.ssh("n2", " ".join(map(str, words)))
    assert said.returncode == 255, said.stderr  # a signal ended it
    assert rig.nodes.current("n2") == before
    assert rig.nodes.ssh("n2", f"{rig.nodes.target}/bin/envc verify").returncode == 0
    assert rig.roll_out(nodes=nodes).json["sets"] == {"current": "n[1,3-4]", "switched": "n2"}


def on_terminal(
    command: list[str], folder: Path, environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """A process whose terminal is ours to close."""
    master, slave = pty.openpty()
    begin = (
        "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL);"  # whoever runs the tests may ignore it
    )
    process = subprocess.Popen(
        [sys.executable, "-c", f"{begin} os.execv(sys.argv[1], sys.argv[1:])", *command],
        cwd=folder,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    return process, master


@pytest.mark.parametrize("lost", ["controller", "terminal"])
def test_whoever_rolls_out_is_lost_midway(rig: Rig, lost: str) -> None:
    rig.change({"controller": "notebook", "terminal": "clash-one"}[lost])
    nodes = "n[1-4]"
    before = rig.nodes.current("n3")
    rig.traps.set("n3", "wait")
    command = [sys.executable, "-m", "envc", *rig.words(nodes)]
    environment = {**os.environ, **rig.nodes.environment}
    process, master = on_terminal(command, rig.site.folder, environment)
    held = rig.traps.hold()
    if lost == "controller":
        process.kill()
    os.close(master)
    process.wait(timeout=30)
    os.close(held)
    assert process.returncode != 0
    assert rig.nodes.current("n3") == before
    report = rig.roll_out(nodes=nodes).json
    assert report["ok"], report
    assert len({node["digest"] for node in report["nodes"].values()}) == 1


def test_a_job_keeps_its_generation_on_all_its_nodes(rig: Rig) -> None:
    nodes, target = "n[1-2]", rig.nodes.target
    assert rig.roll_out(nodes=nodes).json["ok"]
    prefix = "import sys; print(sys.prefix, flush=True)"
    fifo = rig.state / "go"
    os.mkfifo(fifo)
    job = (
        f'{target}/bin/envc run --layer user -- sh -c \'echo $ENVC_LOCK; python -c "{prefix}";'
        f' cat {fifo}; python -c "{prefix}"\''
    )
    words = ["ssh", "-F", str(rig.nodes.folder / "ssh_config"), "n1", job]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pin, first = running.stdout.readline().strip(), running.stdout.readline()
        assert pin.startswith("sha256:"), pin
        rig.change("solver")
        assert rig.roll_out(nodes=nodes).json["ok"]
        fifo.write_text("")
        assert running.stdout.readline() == first
    there = rig.nodes.ssh("n2", f"ENVC_LOCK={pin} {target}/user/bin/python -c '{prefix}'")
    now = rig.nodes.ssh("n2", f"{target}/user/bin/python -c '{prefix}'")
    old = Path(first.strip()).relative_to(target)
    assert there.returncode == 0, there.stderr
    assert "generations" in there.stdout
    assert there.stdout != now.stdout
    assert (rig.nodes.disk("n1") / old).is_dir()


def test_a_node_made_anew_converges_by_the_shared_folder_alone(rig: Rig) -> None:
    wanted = rig.status("n9")["nodes"]["n9"]["digest"]
    rig.nodes.stop("n9")
    shutil.rmtree(rig.nodes.disk("n9"))
    rig.nodes.start("n9")
    rig.nodes.wait("n9")
    assert rig.status("n9")["sets"] == {"absent": "n9"}
    said = rig.nodes.ssh("n9", f"{rig.state}/converge {rig.nodes.target}")
    assert said.returncode == 0, said.stderr
    status = rig.status("n9")
    assert status["sets"] == {"converged": "n9"}
    assert status["nodes"]["n9"]["digest"] == wanted


def test_an_overlay_made_before_a_roll_out_works_on_every_node_after_it(rig: Rig) -> None:
    assert rig.roll_out().json["ok"]
    target, alice = rig.nodes.target, rig.state.parent / "alice"
    command = f"{target}/bin/envc overlay"
    for words in (f"init --target {target}", "add 'six<1.17'"):
        said = rig.nodes.ssh("n1", f"{command} {words} --dir {alice}")
        assert said.returncode == 0, said.stderr
    see = f"{alice}/current/bin/python -c 'import report, six; print(six.__version__)'"
    for project in ("numpy<1.26.4", "scipy<1.14"):  # more roll-outs than generations are kept
        rig.change(project)
        assert rig.roll_out().json["sets"] == {"switched": ALL}
        for node in rig.nodes.names:
            said = rig.nodes.ssh(node, see)
            assert (said.stdout, said.stderr) == ("1.16.0\n", ""), node
    said = rig.nodes.ssh("n16", f"{target}/bin/envc gc --keep 1 --json")
    assert said.returncode == 0, said.stderr
    said = rig.nodes.ssh("n16", see)
    assert said.returncode == 1
    begin = f"envc: {alice}/generations/000002: this node does not hold the base 'user' that the "
    assert said.stderr.startswith(begin), said.stderr
    assert "help: " in said.stderr
    assert rig.nodes.ssh("n15", see).stdout == "1.16.0\n"
