import pytest

from envc.check import classify
from envc.model.finding import Finding, Verdict


def verdict(*, ok=True, pins=(), shadows=(), findings=()):
    return Verdict(
        name="alice",
        spec="alice.toml",
        ok=ok,
        inherits=1,
        adds=(),
        shadows=shadows,
        lifts=(),
        findings=findings,
        pins=pins,
    )


ERROR = Finding(code="ENVC201", severity="error", message="no set of releases")


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (None, verdict(), "new"),
        (verdict(), verdict(), "unaffected"),
        (verdict(), verdict(ok=False), "broken"),
        (verdict(ok=False), verdict(ok=False), "still-broken"),
        (verdict(ok=False), verdict(), "mended"),
        (verdict(), verdict(pins=(("six", "1"),)), "re-lock"),
    ],
)
def test_every_kind(before, now, kind):
    assert classify(before, now).kind == kind


def test_what_would_change_is_told():
    before = verdict(pins=(("numpy", "2.0"), ("old", "1")), shadows=("numpy",))
    now = verdict(pins=(("new", "1"), ("numpy", "2.1")))
    assert classify(before, now).changes == (
        "adds new 1",
        "drops old 1",
        "moves numpy from 2.0 to 2.1",
        "no longer shadows numpy",
    )


def test_why_it_breaks_is_told():
    found = classify(verdict(), verdict(ok=False, findings=(ERROR,)))
    assert (found.changes, found.why) == ((), ("ENVC201: no set of releases",))
