"""What real sshd pass on: of what is said without end, the end; and what hangs is ended there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.daemons import needs
from cluster.ssh_nodes import SshNodes, ssh_nodes
from envc.cluster import engine_of
from envc.cluster.become import BecomingRoot
from envc.model.nodes import OUTPUT_BYTES, Limits, NodeAnswer
from envc.rollout.words import word_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshNodes]:
    needs("sshd", "ssh", "ssh-keygen", "unshare")
    with (
        ssh_nodes(tmp_path_factory.mktemp("ssh"), 2) as nodes,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in nodes.environment.items():
            patch.setenv(name, value)
        yield nodes


def run(seconds: float = 60.0, **scripts: str) -> dict[str, NodeAnswer]:
    heard: list[NodeAnswer] = []
    commands = {node: ["sh", "-c", script] for node, script in scripts.items()}
    engine_of("clustershell").run(commands, Limits(timeout_seconds=seconds), heard.append)
    return {answer.node: answer for answer in heard}


def test_a_node_that_hangs_is_late_and_leaves_nothing_behind(
    nodes: SshNodes, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answers = run(1.0, n1=f"trap '' TERM HUP; cat {fifo} {fifo}; echo", n2="echo 'a  b'; exit 3")
    assert (answers["n1"].outcome, answers["n1"].status) == ("late", None)
    assert (answers["n2"].status, answers["n2"].output) == (3, "a  b\n")
    with pytest.raises(OSError, match="No such device or address"):  # nobody reads
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_root_is_become_there_and_what_is_copied_is_its(nodes: SshNodes, tmp_path: Path) -> None:
    needs("sudo")
    engine, heard = BecomingRoot(engine_of("clustershell")), list[NodeAnswer]()
    limits = Limits(timeout_seconds=60)
    (tmp_path / "file").write_text("it's content")
    places = dict.fromkeys(nodes.names, f"{nodes.target}/a b")
    engine.copy(str(tmp_path / "file"), places, limits, heard.append)
    show = ["sh", "-c", 'id -u; cat "$1"; exit 3', "sh", f"{nodes.target}/a b"]
    engine.run(dict.fromkeys(nodes.names, show), limits, heard.append)
    assert [answer.status for answer in heard] == [0, 0, 3, 3], heard
    assert {answer.output for answer in heard[2:]} == {"0\nit's content\n"}


def test_the_end_of_much_is_heard_and_an_answer_after_a_prompt(nodes: SshNodes) -> None:
    say = """printf 'node: {"step": "unsure"}\\n'"""
    answers = run(
        n1=f"yes 012345678901234567890123456789 | head -c 20000000; printf '\\nenvc-'; {say}",
        n2=f"printf '[ada@n2 ~]$ envc-'; {say}; echo logout; echo trouble >&2",
    )
    assert len(answers["n1"].output) == OUTPUT_BYTES
    assert answers["n2"].trouble == "trouble\n"
    assert {type(word_of(answer)).__name__ for answer in answers.values()} == {"Unsure"}
