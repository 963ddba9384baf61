"""The hooks for Slurm, with an envc and a Slurm that say what a test has them say."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each calls several programs

HOOKS = Path(__file__).parents[2] / "docs/hooks"
OWN = "envc: not converged"
BEHIND, CONVERGED = 1, 0

# What is told of a node, and State and Reason as they are set; Slurm forgets a reason at RESUME.
_SCONTROL = """\
#!/bin/sh
cd "$(dirname "$0")/.." || exit
if [ "$1" = show ]; then
  echo "NodeName=n1 Arch=x86_64"
  [ ! -s reason ] || echo "   Reason=$(cat reason) [root@2026-11-30T17:00:00]"
  exit
fi
shift
echo "$*" >> updates
for word; do
  case $word in
    Reason=*) echo "${word#Reason=}" > reason ;;
    State=RESUME) : > reason ;;
  esac
done
"""


class Node:
    """A node of which the hooks ask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.state = folder / "state"
        for path in (self.state, folder / "bin", folder / "target/bin"):
            path.mkdir(parents=True)
        self._program("bin/scontrol", _SCONTROL)
        self._program("state/converge", f"#!/bin/sh\necho prolog >> {folder}/started\n")
        self._program("bin/start-unit", f"#!/bin/sh\necho unit >> {folder}/started\n")
        (self.state / "wanted.json").touch()
        self.ages(90)
        (folder / "node.conf").write_text(
            f"ENVC_TARGET={folder}/target\nENVC_STATE={self.state}\nENVC_START=start-unit\n"
        )

    def _program(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)
        (self._folder / name).chmod(0o755)

    def ages(self, minutes: float) -> None:
        """The wanted state changed so long ago."""
        then = (self.state / "wanted.json").stat().st_ctime - 60 * minutes
        os.utime(self.state / "wanted.json", (then, then))

    def answers(self, status: int | None) -> None:
        """What envc ends with; None: there is none."""
        if status is not None:
            self._program("target/bin/envc", f"#!/bin/sh\nexit {status}\n")

    def has(self, reason: str) -> None:
        (self._folder / "reason").write_text(f"{reason}\n" if reason else "")

    def _read(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def reason(self) -> str:
        return "".join(self._read("reason"))

    @property
    def updates(self) -> list[str]:
        return self._read("updates")

    @property
    def started(self) -> list[str]:
        return self._read("started")

    def run(self, hook: str, name: str = "n1") -> None:
        environment = {
            "PATH": f"{self._folder}/bin:/usr/bin:/bin",
            "SLURMD_NODENAME": name,
            "ENVC_NODE_CONFIG": f"{self._folder}/node.conf",
        }
        done = subprocess.run(
            [HOOKS / hook], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_node_that_is_behind_is_drained_until_it_is_not(node: Node) -> None:
    node.answers(BEHIND)
    for _ in range(2):
        node.run("slurm-health-check")
    assert node.updates == [f"NodeName=n1 State=DRAIN Reason={OWN}"]
    assert node.started == ["unit", "unit"]
    node.answers(CONVERGED)
    for _ in range(2):
        node.run("slurm-health-check")
    assert node.updates[1:] == ["NodeName=n1 State=RESUME"]


@pytest.mark.parametrize("reason", ["bad memory", f"{OWN}, and bad memory", f"see {OWN}", "a [b]"])
@pytest.mark.parametrize("status", [BEHIND, CONVERGED])
def test_what_somebody_else_has_set_stays(node: Node, reason: str, status: int) -> None:
    node.has(reason)
    node.answers(status)
    node.run("slurm-health-check")
    assert (node.updates, node.reason) == ([], reason)


def test_a_node_that_an_administrator_drains_after_the_hook_is_his(node: Node) -> None:
    node.answers(BEHIND)
    node.run("slurm-health-check")
    node.has("bad memory")
    node.answers(CONVERGED)
    node.run("slurm-health-check")
    assert (len(node.updates), node.reason) == (1, "bad memory")


@pytest.mark.parametrize("status", [None, 2, 4, 5, 70, 124, 126])
@pytest.mark.parametrize("hook", ["slurm-health-check", "slurm-prolog"])
def test_who_does_not_say_that_it_is_behind_is_left_alone(
    node: Node, hook: str, status: int | None
) -> None:
    node.answers(status)
    node.run(hook)
    assert (node.updates, node.started) == ([], [])


@pytest.mark.parametrize("hook", ["slurm-health-check", "slurm-prolog"])
def test_what_a_roll_out_may_be_about_to_switch_is_left_alone(node: Node, hook: str) -> None:
    node.answers(BEHIND)
    node.ages(5)
    node.run(hook)
    assert (node.updates, node.started) == ([], [])
    node.ages(90)
    node.run(hook)
    assert len(node.started) == 1


def test_nodes_begin_at_minutes_of_their_own(node: Node) -> None:
    node.answers(BEHIND)
    node.ages(35.5)
    for number in range(1, 9):
        node.has("")
        node.run("slurm-health-check", f"n{number}")
    assert 0 < len(node.started) < 8
