"""Nodes where nobody logs in as root: `--become`, with a real sudo and with one that says no."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.fake_nodes import Cluster
from envc.cluster import engine_of
from envc.cluster.become import BecomingRoot
from envc.cluster.processes import LocalEngine
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.host.context import Context
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places
from envc.rollout.values import RolloutOptions
from support.sites import envc

NOBODY = 65534
MEND = (
    "permit it there without a password (`USER ALL=(root) NOPASSWD: ALL` below /etc/sudoers.d), or "
    "run envc as root, without --become"
)


class Said(LocalEngine):
    """A node that only says something."""

    def __init__(self, status: int, trouble: str, output: str = "") -> None:
        self._said = NodeAnswer(
            node="n1", outcome="ended", status=status, output=output, trouble=trouble
        )

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        heard(self._said)


def answer_of(engine: LocalEngine, *command: str) -> NodeAnswer:
    heard: list[NodeAnswer] = []
    BecomingRoot(engine).run({"n1": command}, Limits(timeout_seconds=60), heard.append)
    (answer,) = heard
    return answer


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (1, "sudo: a password is required\n"),
        (1, "Welcome\nsudo: sorry, you must have a tty to run sudo"),
        (1, "Sorry, user ada is not allowed to execute '/bin/sh -c x' as root on n1."),
        (1, "ada is not in the sudoers file."),
        (127, "sh: 1: sudo: not found"),
        (127, "bash: line 1: sudo: command not found"),
        (127, "[Errno 2] No such file or directory: 'sudo'"),
        (2, "slurmstepd: error: execve(): sudo: No such file or directory"),
    ],
)
def test_what_sudo_refuses(status: int, trouble: str) -> None:
    answer = answer_of(Said(status, trouble), "true")
    assert (answer.outcome, answer.status) == ("not root", None)
    assert "sudo" in answer.trouble or "Sorry" in answer.trouble


@pytest.mark.parametrize(
    ("status", "trouble", "output"),
    [
        (127, "timeout: failed to run command '/srv/sudo/bin/envc': No such file", ""),
        (1, "sudo: unable to resolve host n1\nKilled", ""),
        (1, "sudo: a warning", 'envc-node: {"faults": []}\n'),
        (4, "sudo: a password is required", ""),
        (0, "sudo: a password is required", ""),
    ],
)
def test_what_others_say(status: int, trouble: str, output: str) -> None:
    answer = answer_of(Said(status, trouble, output), "true")
    assert (answer.outcome, answer.status) == ("ended", status)


@pytest.fixture
def sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which becomes nobody else, and leaves its words."""
    program = tmp_path / "bin/sudo"
    program.parent.mkdir()
    lines = ("#!/bin/sh", f'echo "$*" >> {tmp_path}/words', 'shift 2; exec "$@"', "")
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_commands_and_copies_pass_through_sudo(sudo: Path, tmp_path: Path) -> None:
    answer = answer_of(LocalEngine(), "sh", "-c", "echo out; exit 3")
    assert (answer.outcome, answer.status, answer.output) == ("ended", 3, "out\n")
    (tmp_path / "file").write_text("content")
    places = {"n1": str(tmp_path / "n1"), "n2": str(tmp_path / "no/n2")}
    heard: list[NodeAnswer] = []
    BecomingRoot(engine_of("local")).copy(
        str(tmp_path / "file"), places, Limits(timeout_seconds=60), heard.append
    )
    assert {answer.node: answer.status == 0 for answer in heard} == {"n1": True, "n2": False}
    assert (tmp_path / "n1").read_text() == "content"
    words = (tmp_path / "words").read_text().splitlines()
    assert all(line.startswith("-n -- sh -c ") for line in words)
    assert len(words) == 3


@pytest.mark.slow
def test_a_node_that_wants_a_password_fails_with_a_mend(sudo: Path, cluster: Cluster) -> None:
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    words = ("--nodes", "n[1-2]", "--target", cluster.target, "--engine", "local", "--become")
    reason = "it does not let who logs in become root: sudo: a password is required"
    answer = cluster.site.envc("rollout", *words, "--json")
    assert answer.status == 4
    assert answer.json["sets"] == {"failed": "n[1-2]"}
    one = answer.json["nodes"]["n1"]
    assert (one["reason"], one["mend"]) == (reason, MEND)
    answer = envc("status", *words, "--json")
    assert answer.status == 1
    assert answer.json["nodes"]["n2"]["reason"] == f"{reason}\n  help: {MEND}"


class AsNobody(LocalEngine):
    """Nodes that nobody logs in to, with what sudo permits there."""

    def __init__(self, sudoers: Path) -> None:
        self._sudoers = str(sudoers)

    def _there(self, commands: Commands) -> Commands:
        login = f"exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"
        script = f'mount --bind "$0" /etc/sudoers && {login} "$@"'
        enter = ("unshare", "-m", "sh", "-c", script, self._sudoers)
        return {node: [*enter, *command] for node, command in commands.items()}

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        super().run(self._there(commands), limits, heard)

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        # As scp: read here, written there.
        script = 'umask 022; cat > "$0"'
        write = {node: ["sh", "-c", script, place] for node, place in places.items()}
        for node, command in self._there(write).items():
            with Path(path).open("rb") as file:
                done = subprocess.run(command, stdin=file, check=False)
            heard(NodeAnswer(node=node, outcome="ended", status=done.returncode))


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[AsNobody]:
    tried = ["unshare", "-m", "setpriv", "--reuid", str(NOBODY), "true"]
    if os.geteuid() != 0 or shutil.which("sudo") is None:
        pytest.skip("it needs root, and sudo: run `make tools`")
    if subprocess.run(tried, capture_output=True, check=False).returncode != 0:
        pytest.skip("mount namespaces cannot be made here")
    sudoers = tmp_path / "sudoers"
    sudoers.write_text("nobody ALL=(root) NOPASSWD: ALL\n")
    sudoers.chmod(0o440)
    before = set(Path("/var/tmp").glob(".envc-*"))
    yield AsNobody(sudoers)
    assert set(Path("/var/tmp").glob(".envc-*")) == before


@pytest.mark.slow
def test_a_roll_out_by_who_is_not_root(nobody: AsNobody, cluster: Cluster) -> None:
    """Nodes share no folder: what they need is carried, too. What is there is root's."""
    cluster.warm("n1", "n2")
    engine = BecomingRoot(nobody)
    assert answer_of(nobody, "id", "-u").output == "0\n"
    options = RolloutOptions(nodes="n[1-2]", target=cluster.target)
    site = str(cluster.site.folder)
    report = roll_out(site, options, engine, Context(), lambda state: None)
    assert report.sets == {"switched": "n[1-2]"}, report
    assert cluster.current("n2") == "generations/000001"
    assert (cluster.folder("n2") / "wanted/kits").stat().st_uid == 0
    asked = Nodes(nodes="n[1-2]", target=cluster.target)
    assert status_of_nodes(asked, engine).sets == {"present": "n[1-2]"}


def test_a_real_sudo_that_permits_nothing(nobody: AsNobody, tmp_path: Path) -> None:
    sudoers = tmp_path / "sudoers"
    sudoers.chmod(0o600)
    sudoers.write_text("nobody ALL=(root) ALL\n")
    sudoers.chmod(0o440)
    answer = answer_of(nobody, "id", "-u")
    assert (answer.outcome, answer.trouble) == ("not root", "sudo: a password is required")


@pytest.mark.slow
def test_what_takes_too_long_is_ended_as_root(nobody: AsNobody, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    heard: list[NodeAnswer] = []
    command = ["sh", "-c", f"trap '' TERM; cat {fifo}; cat {fifo}"]
    BecomingRoot(nobody).run({"n1": command}, Limits(timeout_seconds=1), heard.append)
    assert [answer.outcome for answer in heard] == ["late"]
