"""The hooks for Slurm, with an envc and a Slurm that say what a test has them say."""

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
        self.folder = folder
        self.state = folder / "state"
        for path in (self.state, folder / "bin", folder / "target/bin"):
            path.mkdir(parents=True)
        self._program("bin/scontrol", _SCONTROL)
        self._program("state/converge", f"#!/bin/sh\necho prolog >> {folder}/started\n")
        self._program("bin/start-unit", f"#!/bin/sh\necho unit >> {folder}/started\n")
        (folder / "node.conf").write_text(
            f"ENVC_TARGET={folder}/target\nENVC_STATE={self.state}\nENVC_START=start-unit\n"
        )

    def _program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def answers(self, status: int | None) -> None:
        """What envc ends with; None: there is none."""
        if status is not None:
            text = f'#!/bin/sh\necho "$*" >> {self.folder}/asked\nexit {status}\n'
            self._program("target/bin/envc", text)

    def has(self, reason: str) -> None:
        (self.folder / "reason").write_text(f"{reason}\n" if reason else "")

    def _read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def reason(self) -> str:
        return "".join(self._read("reason"))

    @property
    def updates(self) -> list[str]:
        return self._read("updates")

    @property
    def asked(self) -> list[str]:
        """With which options envc was asked."""
        return [line.partition(f"--state {self.state} ")[2] for line in self._read("asked")]

    @property
    def started(self) -> list[str]:
        return self._read("started")

    def run(self, hook: str) -> None:
        environment = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "SLURMD_NODENAME": "n1",
            "ENVC_NODE_CONFIG": f"{self.folder}/node.conf",
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


def test_what_a_roll_out_may_be_about_to_switch_is_left_to_it(node: Node) -> None:
    """envc waits, and says so with 0; what was drained for it is not resumed for that."""
    node.answers(BEHIND)
    for hook in ("slurm-prolog", "slurm-health-check", "slurm-health-check"):
        node.run(hook)
    assert node.asked == ["--grace 30", "--grace 30 --spread 10", "--grace 0 --spread 0"]
    with (node.folder / "node.conf").open("a") as config:
        config.write("ENVC_GRACE_MINUTES=5\nENVC_SPREAD_MINUTES=1\nENVC_NODE=n1-ib\n")
    node.has("")
    node.run("slurm-health-check")
    assert node.asked[-1] == "--grace 5 --spread 1 --node n1-ib"
