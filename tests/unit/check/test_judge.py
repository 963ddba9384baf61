from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.check import LockState, Subject, inventory_of, judge, restated, unreadable
from envc.errors import Fault, ShadowRefusedError, SpecError, UnsatisfiableError
from envc.model.codes import CODES, FIXED
from envc.model.finding import Finding
from envc.model.lock import Lock, LockedPin
from envc.model.policy import FindingRule
from envc.model.resolution import InheritedPin


def pin(project: str, version: str) -> InheritedPin:
    name = NormalizedName(project)
    return InheritedPin(project=name, version=Version(version), distributions=(), layer="user")


PINS = (("numpy", "1.26"), ("old", "1.0"), ("scipy", "1.11"), ("six", "1.17"))
INVENTORY = inventory_of([pin(*each) for each in PINS], [])
LOCK = Lock(
    layer="alice",
    pins=(
        LockedPin(project="numpy", version="2.0", wheels=()),
        LockedPin(project="polars", version="1.0", wheels=()),
        LockedPin(project="scipy", version="1.14", wheels=()),
    ),
    shadows=("numpy",),
    lifts=("scipy",),
    hides=("old",),
)
SUBJECT = Subject(
    name="alice",
    spec="alice.toml",
    state=LockState.FRESH,
    lock=LOCK,
    inventory=INVENTORY,
    base="user",
    owner="alice",
    origins={"numpy": "alice.toml:5 (overlay.requires[0])"},
)


def note(code, message, project, where="alice.toml"):
    return Finding(code=code, severity="note", message=message, projects=(project,), where=where)


CHANGES = (
    note(
        "ENVC203",
        "replaces numpy 1.26 of layer user -> 2.0",
        "numpy",
        "alice.toml:5 (overlay.requires[0])",
    ),
    note("ENVC204", "also moves scipy 1.11 of layer user -> 1.14", "scipy"),
    note("ENVC205", "hides old", "old"),
)


def test_a_fresh_lock_that_fits():
    found = judge(SUBJECT)
    assert found.ok
    assert found.inherits == 1
    assert (found.adds, found.shadows, found.lifts) == (("polars",), ("numpy",), ("scipy",))
    assert (found.owner, found.base, found.hides) == ("alice", "user", ("old",))
    assert found.pins == (("numpy", "2.0"), ("polars", "1.0"), ("scipy", "1.14"))
    assert found.findings == CHANGES


def test_an_empty_lock_inherits_everything():
    found = judge(replace(SUBJECT, lock=Lock(layer="alice", pins=())))
    assert (found.ok, found.inherits, found.findings) == (True, 4, ())


STATES = {
    LockState.MISSING: ("ENVC301", "the overlay has no lock; it was resolved in memory"),
    LockState.STALE: (
        "ENVC302",
        "the overlay's lock is older than its spec; it was resolved in memory",
    ),
    LockState.OTHER_BASE: (
        "ENVC303",
        "the overlay's lock was made against another state of its base; it was resolved in memory",
    ),
}


def state_finding(state):
    code, message = STATES[state]
    return Finding(
        code=code,
        severity="warning",
        message=message,
        where="alice.toml",
        mend="lock it: envc lock --overlay alice.toml",
    )


@pytest.mark.parametrize("state", STATES)
def test_the_state_of_the_lock_is_a_warning_and_no_error(state):
    found = judge(replace(SUBJECT, state=state))
    assert found.ok
    assert found.findings == (*CHANGES, state_finding(state))


@pytest.mark.parametrize("state", STATES)
def test_a_verdict_is_restated_for_another_state(state):
    fresh = judge(SUBJECT)
    other = restated(fresh, state, INVENTORY, rules=((), ()))
    assert other == judge(replace(SUBJECT, state=state))
    assert restated(other, LockState.FRESH, INVENTORY, rules=((), ())) == fresh


@pytest.mark.parametrize(
    ("kind", "code"), [(UnsatisfiableError, "ENVC201"), (ShadowRefusedError, "ENVC202")]
)
def test_a_failure_is_an_error(kind, code):
    failure = kind("no", where="alice.toml:3", mend="relax it")
    failure.projects = ("numpy",)
    found = judge(replace(SUBJECT, lock=None, failure=failure, state=LockState.STALE))
    assert (found.ok, found.inherits, found.adds) == (False, 0, ())
    assert found.findings[0] == Finding(
        code=code,
        severity="error",
        message="no",
        projects=("numpy",),
        where="alice.toml:3",
        mend="relax it",
    )
    assert [finding.code for finding in found.findings] == [code, "ENVC302"]


def test_what_cannot_be_read_has_a_finding_for_every_fault():
    error = SpecError.of([Fault("one", "a:1", "x"), Fault("two", "a:2", "y")])
    found = unreadable("alice", "alice.toml", code="ENVC101", error=error)
    assert not found.ok
    assert [(f.code, f.severity, f.message, f.where, f.mend) for f in found.findings] == [
        ("ENVC101", "error", "one", "a:1", "x"),
        ("ENVC101", "error", "two", "a:2", "y"),
    ]


def codes_and_severities(site=(), overlay=()):
    found = judge(replace(SUBJECT, site_rules=site, rules=overlay))
    told = [(f.code, f.severity, f.reason) for f in found.findings]
    return found.ok, told, [(f.code, f.reason) for f in found.ignored]


def test_the_site_changes_severities():
    rules = (FindingRule("ENVC203", "error"), FindingRule("ENVC205", "ignore"))
    assert codes_and_severities(rules) == (
        False,
        [("ENVC203", "error", ""), ("ENVC204", "note", "")],
        [("ENVC205", "")],
    )


def test_the_overlay_changes_them_too_but_not_what_the_site_insists_on():
    site = (FindingRule("ENVC203", "error"), FindingRule("ENVC204", "warning"))
    own = (FindingRule("ENVC203", "ignore", "mine"), FindingRule("ENVC204", "ignore", "agreed"))
    assert codes_and_severities(site, own) == (
        False,
        [("ENVC203", "error", ""), ("ENVC205", "note", "")],
        [("ENVC204", "agreed")],
    )


def test_no_rule_turns_down_that_there_is_no_overlay():
    failure = UnsatisfiableError("no")
    rules = (FindingRule("ENVC201", "ignore", "never mind"),)
    found = judge(replace(SUBJECT, lock=None, failure=failure, rules=rules))
    assert [(f.code, f.severity) for f in found.findings] == [("ENVC201", "error")]


def test_every_code_has_a_severity_and_a_word():
    assert all(code.startswith("ENVC") and len(code) == 7 for code in CODES)
    assert {severity for severity, _ in CODES.values()} == {"error", "warning", "note"}
    assert {CODES[code][0] for code in FIXED} == {"error"}
