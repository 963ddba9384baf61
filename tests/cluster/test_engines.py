"""Engines as such: what comes back from commands, and what Slurm's own words mean."""

import os
import sys
from pathlib import Path

import pytest

from envc.cluster import engine_of
from envc.cluster.bounded import bounded, late_if_told
from envc.cluster.node_sets import expand, fold
from envc.cluster.processes import LocalEngine
from envc.cluster.slurm import ailments_in, understood
from envc.errors import OutsideError, UsageError
from envc.model.nodes import OUTPUT_BYTES, Limits, NodeAnswer
from support.sites import envc


def run(command: list[str], *, timeout_seconds: float = 30.0) -> NodeAnswer:
    heard: list[NodeAnswer] = []
    limits = Limits(timeout_seconds=timeout_seconds)
    LocalEngine().run({"n1": command}, limits, heard.append)
    (answer,) = heard
    return answer


def test_output_status_and_trouble_come_back() -> None:
    answer = run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert answer == NodeAnswer(
        node="n1", outcome="ended", status=3, output="out\n", trouble="err\n"
    )


def test_a_command_that_is_not_there() -> None:
    answer = run(["/no/such/envc"])
    assert (answer.outcome, answer.status) == ("ended", 127)


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    code = "import os, sys; os.mkfifo(sys.argv[1]); os.system('cat ' + sys.argv[1])"
    answer = run([sys.executable, "-c", code, str(fifo)], timeout_seconds=0.2)
    assert (answer.outcome, answer.status) == ("late", None)


def test_the_end_of_what_a_command_writes_is_read_and_no_more() -> None:
    code = "import sys; sys.stdout.write('x' * 30_000_000 + '\\nlast\\n'); sys.stderr.write('no')"
    answer = run([sys.executable, "-c", code])
    assert (answer.status, answer.trouble) == (0, "no")
    assert len(answer.output) == OUTPUT_BYTES
    assert answer.output.endswith("x\nlast\n")


def test_what_a_command_leaves_behind_in_a_session_of_its_own_holds_nobody(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answer = run(["sh", "-c", f"setsid cat {fifo} & exec cat {fifo}"], timeout_seconds=0.2)
    assert answer.outcome == "late"
    fifo.open("r+b", buffering=0).close()  # the one in its own session hears that nobody writes


def on_node(*command: str, seconds: float) -> NodeAnswer:
    """As a node runs what it is to end itself; 15 seconds later it would be given up from here."""
    limits = Limits(timeout_seconds=seconds)
    return late_if_told(run(bounded(command, limits), timeout_seconds=60))


def test_a_node_ends_itself_what_takes_too_long(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Not to be ended by anything but KILL, with a child that holds what it writes to.
    answer = on_node("sh", "-c", f"trap '' TERM; cat {fifo}; cat {fifo}", seconds=0.2)
    assert (answer.outcome, answer.status) == ("late", None)


def test_what_ends_in_time_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("sh", "-c", 'echo "$0 $1"; exit 3', "a b", "'c'")
    killed = ("sh", "-c", "kill -KILL $$")
    assert on_node(*killed, seconds=900).status == 137
    assert (answer := on_node(*words, seconds=900)).status == 3
    monkeypatch.setenv("PATH", str(tmp_path))  # without `timeout`
    (tmp_path / "sh").symlink_to("/bin/sh")
    assert on_node(*words, seconds=900) == answer
    assert answer.output == "a b 'c'\n"


def test_a_copy_says_whether_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    heard: list[NodeAnswer] = []
    places = {"n1": str(tmp_path / "n1"), "n2": str(tmp_path / "no/n2")}
    LocalEngine().copy(str(tmp_path / "file"), places, Limits(), heard.append)
    assert {answer.node: answer.status == 0 for answer in heard} == {"n1": True, "n2": False}
    assert (tmp_path / "n1").read_text() == "content"


def test_sets_are_expanded_and_folded() -> None:
    assert expand("n[1-3],gpu01") == ("gpu01", "n1", "n2", "n3")
    assert fold(["n3", "n1", "n2", "gpu01"]) == "gpu01,n[1-3]"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("srun: error: Unable to allocate resources: Requested nodes are busy", "busy"),
        ("srun: Immediate execution impossible, insufficient resources", "busy"),
        ("srun: Required node not available (down, drained or reserved)", "unreachable"),
        ("srun: error: Unable to allocate resources: Invalid node name specified", "unreachable"),
        ("Traceback: it is envc that failed", "ended"),
    ],
)
def test_slurms_words(said: str, outcome: str) -> None:
    answer = NodeAnswer(node="n1", outcome="ended", status=1, trouble=said)
    assert understood(answer).outcome == outcome
    assert understood(NodeAnswer(node="n1", outcome="ended", status=0, trouble=said)).status == 0


SAID = """\
n1|drained|bad memory
n2|draining|none
n3|down*|Not responding
n4|reserved|none
n5|mixed|none
n6
"""


@pytest.mark.parametrize(
    ("node", "words", "outcome", "trouble"),
    [
        ("n1", "Required node not available (down, drained or reserved)", "drained", "bad memory"),
        ("n2", "Requested nodes are busy", "drained", ""),
        ("n3", "Requested nodes are busy", "unreachable", "Slurm has it down*: Not responding"),
        ("n4", "Required node not available", "busy", "Slurm has it reserved"),
        ("n5", "Requested nodes are busy", "busy", "Requested nodes are busy"),
        ("n6", "Requested nodes are busy", "busy", "Requested nodes are busy"),
        ("n1", "Traceback", "ended", "Traceback"),
    ],
)
def test_drained_down_and_busy_nodes(node: str, words: str, outcome: str, trouble: str) -> None:
    answer = NodeAnswer(node=node, outcome="ended", status=1, trouble=words)
    read = understood(answer, lambda: ailments_in(SAID).get(node))
    assert (read.outcome, read.trouble) == (outcome, trouble)


def test_slurm_is_asked_once_what_ails_the_nodes_that_it_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    refusal = "echo 'srun: error: Requested nodes are busy' >&2; exit 1"
    for name, does in {
        "srun": refusal,
        "sinfo": f"echo >> {log}; echo 'n2|drained|my disk'",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("salloc", "sbcast"):
        (tmp_path / name).symlink_to("srun")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    heard: list[NodeAnswer] = []
    nodes = {node: ["true"] for node in ("n1", "n2", "n3")}
    engine_of("slurm").run(nodes, Limits(), heard.append)
    told = {each.node: (each.outcome, each.trouble) for each in heard}
    busy = ("busy", "srun: error: Requested nodes are busy\n")
    assert told == {"n1": busy, "n2": ("drained", "my disk"), "n3": busy}
    assert log.read_text() == "\n"


@pytest.mark.parametrize("nodes", ["-oProxyCommand=x", "n1,-n2"])
def test_a_name_that_would_be_an_option_is_refused(nodes: str) -> None:
    with pytest.raises(UsageError, match="is no name of a node: ssh and srun would take it"):
        expand(nodes)


def test_a_set_that_a_shell_may_have_written_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--engine", "local", "--target", f"{tmp_path}/{{node}}")
    warning = "warning: --nodes n1: a file here has that name; if the shell put it there, quote"
    assert warning not in envc("status", "--nodes", "n1", *words).stderr
    (tmp_path / "n1").touch()
    assert warning in envc("status", "--nodes", "n1", *words).stderr
    assert warning in envc("gc", "--nodes", "n1", *words).stderr


def test_slurm_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OutsideError) as told:
        engine_of("slurm")
    assert str(told.value) == (
        "srun and salloc and sbcast cannot be found\n"
        "  help: run envc where Slurm's commands are, or use another --engine"
    )
