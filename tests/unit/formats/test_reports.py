"""Verdicts in every format, held against what reads the format."""

import json
from xml.etree import ElementTree as ET

import pytest
from sarif_pydantic import Sarif

from envc.formats.report_github import annotations, parse_place
from envc.formats.report_html import html_page
from envc.formats.report_junit import junit
from envc.formats.report_sarif import sarif
from envc.formats.report_text import verdict_lines
from envc.model.codes import CODES
from envc.model.finding import Finding, Verdict

CONFLICT = Finding(
    code="ENVC201",
    severity="error",
    message="no set, 100%:\n  numpy<2 & numpy>=2 <b>\x07",
    projects=("numpy",),
    where="overlays/bob.toml:5 (overlay.requires[0])",
    mend="relax 'numpy<2'",
)
MISSING = Finding(
    code="ENVC301", severity="warning", message="the overlay has no lock", where="overlays/bob.toml"
)
HOOK = Finding(
    code="ENVC409", severity="warning", message="starts", projects=("hook",), reason="we know"
)
BOB = Verdict(
    name="bob",
    spec="overlays/bob.toml",
    ok=False,
    inherits=0,
    adds=(),
    shadows=(),
    lifts=(),
    findings=(CONFLICT, MISSING),
    owner="bob",
    base="user",
)
ALICE = Verdict(
    name="alice",
    spec="/shared/alice/overlay.toml",
    ok=True,
    inherits=141,
    adds=tuple(f"project-{number}" for number in range(12)),
    shadows=("numpy",),
    lifts=(),
    findings=(),
    ignored=(HOOK,),
)


def test_text_is_narrow_and_keeps_what_is_copied():
    assert list(verdict_lines(BOB, verbose=False)) == [
        "FAIL bob (overlays/bob.toml, bob's)",
        "     error ENVC201: no set, 100%:",
        "         numpy<2 & numpy>=2 <b>\x07",
        "       at: overlays/bob.toml:5 (overlay.requires[0])",
        "     help: relax 'numpy<2'",
        "     warning ENVC301: the overlay has no lock",
        "       at: overlays/bob.toml",
    ]
    lines = list(verdict_lines(ALICE, verbose=False))
    assert lines == [
        "ok   alice (/shared/alice/overlay.toml)",
        "     inherits 141; adds project-0, project-1, project-2, project-3, project-4,",
        "       project-5, project-6, project-7, project-8, project-9, project-10,",
        "       project-11; replaces numpy",
        "     1 ignored; -v tells them",
    ]
    assert list(verdict_lines(ALICE, verbose=True))[-2:] == [
        "     ignored ENVC409: starts",
        "       because: we know",
    ]


def test_sarif_is_what_the_standard_has():
    log = sarif([ALICE, BOB], version="0.1.0")
    Sarif.model_validate(log)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == sorted(CODES)
    hook, conflict, missing = run["results"]
    assert hook["suppressions"] == [{"kind": "external", "justification": "we know"}]
    assert conflict["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "overlays/bob.toml"},
                "region": {"startLine": 5},
            }
        }
    ]
    assert [result["level"] for result in run["results"]] == ["warning", "error", "warning"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    place = hook["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "file:///shared/alice/overlay.toml"}
    assert len({r["partialFingerprints"]["envc/v1"] for r in run["results"]}) == 3
    assert "suppressions" not in missing


def test_junit_counts_overlays_and_survives_control_characters():
    root = ET.fromstring(junit([ALICE, BOB]))
    assert root.attrib == {"name": "envc check", "tests": "2", "failures": "1", "errors": "0"}
    alice, bob = root.iter("testcase")
    assert len(alice) == 0
    failure, output = bob
    assert failure.attrib == {"type": "ENVC201", "message": "ENVC201: no set, 100%:"}
    assert "numpy<2 & numpy>=2 <b>\N{REPLACEMENT CHARACTER}" in (failure.text or "")
    assert output.text == "warning ENVC301: the overlay has no lock\n  at: overlays/bob.toml"


def test_annotations_are_one_line_each():
    assert list(annotations([BOB])) == [
        (
            "::error file=overlays/bob.toml,title=ENVC201 bob,line=5::no set, 100%25:%0A"
            "  numpy<2 & numpy>=2 <b>\x07%0Ahelp: relax 'numpy<2'"
        ),
        "::warning file=overlays/bob.toml,title=ENVC301 bob::the overlay has no lock",
    ]


def test_nothing_in_a_finding_ends_the_script_of_the_page():
    hostile = Finding(
        code="ENVC101", severity="error", message="</script><script>alert(1)</script><!--\u2028"
    )
    verdict = Verdict(
        name="x",
        spec="x.toml",
        ok=False,
        inherits=0,
        adds=(),
        shadows=(),
        lifts=(),
        findings=(hostile,),
    )
    page = html_page("<script>/*DATA*/null;</script>", [verdict], site="s", impacts={})
    text = page.removeprefix("<script>").removesuffix(";</script>")
    assert not set("<>\u2028") & set(text)
    assert json.loads(text)["overlays"][0]["findings"][0][2] == hostile.message


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("a/b.toml:7 (overlay.requires[0])", ("a/b.toml", 7)),
        ("a/b.toml:7", ("a/b.toml", 7)),
        ("a/b.toml (overlay.base)", ("a/b.toml", 0)),
        ("a b.toml", ("a b.toml", 0)),
        ("", ("", 0)),
    ],
)
def test_places(where, place):
    assert parse_place(where) == place
