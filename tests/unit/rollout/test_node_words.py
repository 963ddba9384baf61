"""What a node's envc said, as text → a value; whatever does not fit is that node's failure."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from envc.errors import Fault
from envc.formats.node_line import node_line
from envc.model.digest import Digest
from envc.model.nodes import Lacks, NodeAnswer, Refusal, Silence, Unsure
from envc.reports.generations import CollectReport
from envc.reports.node import NodeReport
from envc.rollout.words import Word, word_of

DIGEST = Digest("sha256:" + "1" * 64)
REPORT = NodeReport(
    step="ready",
    status=0,
    target="/t",
    generation=3,
    digest=DIGEST,
    closures={"user": DIGEST},
    built=True,
    current=None,
    in_use=(1, 2),
    drift=None,
    wanted=None,
    machine="linux-x86_64 glibc-2.36 /usr/bin/python3.11 3.11.2",
    envc="0.1.0",
    now_seconds=1.5,
    free_bytes=10,
    free_files=None,
)
VALUES: dict[str, Any] = json.loads(json.dumps(asdict(REPORT)))


def said(output: str, **values: Any) -> Word:
    return word_of(NodeAnswer(node="n1", outcome="ended", output=output, **{"status": 0} | values))


def why(output: str) -> str:
    """Why an answer is refused, which may pass: it may have been cut off."""
    word = said(output)
    assert isinstance(word, Refusal), word
    assert word.status == 4
    before, _, reason = word.fault.what.partition("its answer cannot be understood: ")
    assert before == ""
    reason, between, words = reason.rpartition("; it said ")
    assert between
    assert words == repr(output.partition("envc-node: ")[2].strip()[:60])
    return reason


def test_a_report_comes_back() -> None:
    assert said(f"Welcome!\n{node_line(VALUES)}bye\n") == REPORT


def test_another_release_may_know_more_fields_or_fewer() -> None:
    assert said(node_line(VALUES | {"weather": "fine"})) == REPORT
    left = {name: VALUES[name] for name in VALUES if name not in ("in_use", "free_bytes")}
    word = said(node_line(left))  # as an answer is that was left for who asks again
    assert isinstance(word, NodeReport)
    assert (word.in_use, word.free_bytes, word.digest) == ((), None, DIGEST)


def test_what_was_collected_comes_back() -> None:
    done = CollectReport(
        target="/t",
        dry_run=True,
        kept={2: "current"},
        removed=(1,),
        stored_trees_removed=("six",),
        others_removed=(),
    )
    word = said(node_line(VALUES | {"collected": json.loads(json.dumps(asdict(done)))}))
    assert isinstance(word, NodeReport)
    assert word.collected == done


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"lacks": ["kit"]}, Lacks(("kit",))),
        ({"step": "unsure"}, Unsure()),
        (
            {"status": 2, "faults": [["no", "/t", "do"], ["more", "", ""]]},
            Refusal(Fault("no", "/t", "do"), 2),
        ),
    ],
)
def test_other_words(values: dict[str, Any], word: Word) -> None:
    assert said(node_line(values)) == word
    assert said(node_line(VALUES | values)) == word


@pytest.mark.parametrize("outcome", ["late", "unreachable", "busy"])
def test_who_did_not_end_is_silent_whatever_was_written(outcome: Any) -> None:
    answer = NodeAnswer(node="n", outcome=outcome, output=node_line(VALUES), trouble="a\nlast \n")
    assert word_of(answer) == Silence(outcome, None, "last")


def test_who_wrote_no_line_is_silent() -> None:
    assert said("Welcome!\n", status=137, trouble="Killed\n") == Silence("ended", 137, "Killed")
    assert said("\nno account\n", status=1) == Silence("ended", 1, "no account")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"step": ', "Expecting value"),
        ("[1]", "it is no object"),
        ("{}", "step: this field is missing"),
        ("[" * 100_000, "it is nested too deeply"),
        ('"' + "x" * (5 << 20) + '"', "it is too long"),
        ('{"lacks": 1}', "this must be an array"),
        ('{"lacks": [{}]}', "[0]: this must be a text"),
        ('{"faults": [["no"]], "status": 1}', "[0]: this must be an array of 3"),
        ('{"faults": [["no", "", ""]]}', "this must be an integer"),
        ('{"generation": ' + "9" * 5000 + "}", "Exceeds the limit"),
    ],
)
def test_what_is_no_word_of_envcs(text: str, reason: str) -> None:
    assert reason in why(f"envc-node: {text}\n")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"generation": "3"}, "generation: this must be an integer"),
        ({"generation": True}, "generation: this must be an integer"),
        ({"built": 1}, "built: this must be true or false"),
        ({"closures": {"user": 1}}, "closures.user: this must be a text"),
        ({"closures": {"user": "../../etc"}}, "closures.user: this must be a sha256 digest"),
        ({"digest": "sha256:1"}, "digest: this must be a sha256 digest"),
        ({"in_use": [1, "2"]}, "in_use[1]: this must be an integer"),
        ({"now_seconds": "now"}, "now_seconds: this must be a number"),
        ({"free_bytes": 10**400}, "a number in it is beyond all that is counted"),
        ({"now_seconds": float("nan")}, "a number in it is beyond all that is counted"),
        ({"collected": {}}, "collected.target: this field is missing"),
    ],
)
def test_what_is_no_report(values: dict[str, Any], reason: str) -> None:
    assert why(node_line(VALUES | values)) == reason


def test_kept_generations_have_numbers() -> None:
    kept = {"target": "/t", "dry_run": True, "kept": {"x": "young"}, "removed": []}
    done = kept | {"stored_trees_removed": [], "others_removed": []}
    assert "invalid literal for int()" in why(node_line(VALUES | {"collected": done}))


def test_texts_are_harmless_to_print_and_bounded() -> None:
    word = said(node_line({"status": 1, "faults": [["a\x1b[2Jb\nc", "x" * 9000, ""]]}))
    assert isinstance(word, Refusal)
    assert word.fault == Fault("a?[2Jb?c", "x" * 4096)
    assert said("", trouble="\x1b]0;title\x07") == Silence("ended", 0, "?]0;title?")
