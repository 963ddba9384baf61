import pytest
from packaging.version import Version

from envc.check import CODES, LockState, Subject, judge, unreadable
from envc.errors import Fault, ShadowRefusedError, SpecError, UnsatisfiableError
from envc.model.finding import Finding
from envc.model.lock import Lock, LockedPin
from envc.model.resolution import InheritedPin

BASE = tuple(
    InheritedPin(project=project, version=Version(version), distributions=(), layer="user")
    for project, version in (("numpy", "1.26"), ("old", "1.0"), ("scipy", "1.11"), ("six", "1.17"))
)
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


def verdict(**changes):
    subject = {
        "name": "alice",
        "spec": "alice.toml",
        "state": LockState.FRESH,
        "lock": LOCK,
        "inherited": BASE,
    }
    return judge(Subject(**(subject | changes)))


def note(code, message, project):
    return Finding(
        code=code, severity="note", message=message, projects=(project,), where="alice.toml"
    )


CHANGES = (
    note("ENVC203", "shadows numpy 1.26 of layer user with 2.0", "numpy"),
    note("ENVC204", "lifts scipy 1.11 of layer user with 1.14", "scipy"),
    note("ENVC205", "hides old", "old"),
)


def test_a_fresh_lock_that_fits():
    found = verdict()
    assert found.ok
    assert found.inherits == 1
    assert (found.adds, found.shadows, found.lifts) == (("polars",), ("numpy",), ("scipy",))
    assert found.findings == CHANGES


def test_an_empty_lock_inherits_everything():
    found = verdict(lock=Lock(layer="alice", pins=()))
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


@pytest.mark.parametrize("state", STATES)
def test_the_state_of_the_lock_is_a_warning_and_no_error(state):
    code, message = STATES[state]
    found = verdict(state=state)
    assert found.ok
    assert found.findings == (
        *CHANGES,
        Finding(
            code=code,
            severity="warning",
            message=message,
            where="alice.toml",
            mend="lock it: envc lock --overlay alice.toml",
        ),
    )


@pytest.mark.parametrize(
    ("kind", "code"), [(UnsatisfiableError, "ENVC201"), (ShadowRefusedError, "ENVC202")]
)
def test_a_failure_is_an_error(kind, code):
    failure = kind("no", where="alice.toml:3", mend="relax it")
    failure.projects = ("numpy",)
    found = verdict(lock=None, failure=failure, state=LockState.STALE)
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
    found = unreadable("alice", "alice.toml", "ENVC101", error)
    assert not found.ok
    assert [(f.code, f.severity, f.message, f.where, f.mend) for f in found.findings] == [
        ("ENVC101", "error", "one", "a:1", "x"),
        ("ENVC101", "error", "two", "a:2", "y"),
    ]


def test_every_code_has_a_severity_and_a_word():
    assert all(code.startswith("ENVC") and len(code) == 7 for code in CODES)
    assert {severity for severity, _ in CODES.values()} == {"error", "warning", "note"}
