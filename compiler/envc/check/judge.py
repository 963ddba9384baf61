"""The verdict on one overlay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from envc.check import codes
from envc.check.codes import CODES
from envc.errors import EnvcError, Fault, ShadowRefusedError, UnsatisfiableError
from envc.model.finding import Finding, Verdict
from envc.model.lock import Lock
from envc.model.resolution import InheritedPin


class LockState(Enum):
    """How an overlay's lock stands to its spec and to the present base."""

    FRESH = "fresh"
    STALE = "stale"
    OTHER_BASE = "other base"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of one overlay.

    `lock` is its own when that is fresh, else the one that resolving in memory gave; None where
    that failed, and `failure` says why. `inherited` are the base's visible pins.
    """

    name: str
    spec: str
    state: LockState
    lock: Lock | None
    inherited: Sequence[InheritedPin]
    failure: UnsatisfiableError | None = None


def judge(subject: Subject) -> Verdict:
    """The verdict, findings in order of code, then projects."""
    findings = [*_of_state(subject), *_of_failure(subject), *_of_changes(subject)]
    lock = subject.lock
    replaced = {*lock.shadows, *lock.lifts, *lock.hides} if lock is not None else set()
    ordered = sorted(
        findings, key=lambda finding: (finding.code, finding.projects, finding.message)
    )
    return Verdict(
        name=subject.name,
        spec=subject.spec,
        ok=not any(finding.severity == "error" for finding in ordered),
        inherits=sum(pin.project not in replaced for pin in subject.inherited) if lock else 0,
        adds=lock.adds() if lock is not None else (),
        shadows=lock.shadows if lock is not None else (),
        lifts=lock.lifts if lock is not None else (),
        findings=tuple(ordered),
    )


def unreadable(name: str, spec: str, code: str, error: EnvcError) -> Verdict:
    """The verdict on an overlay that cannot even be looked at."""
    return Verdict(
        name=name,
        spec=spec,
        ok=False,
        inherits=0,
        adds=(),
        shadows=(),
        lifts=(),
        findings=tuple(_finding(code, fault) for fault in error.faults),
    )


def _of_state(subject: Subject) -> Iterator[Finding]:
    told = {
        LockState.MISSING: (codes.LOCK_MISSING, "the overlay has no lock"),
        LockState.STALE: (codes.LOCK_STALE, "the overlay's lock is older than its spec"),
        LockState.OTHER_BASE: (
            codes.OTHER_BASE,
            "the overlay's lock was made against another state of its base",
        ),
    }
    if subject.state in told:
        code, what = told[subject.state]
        mend = f"lock it: envc lock --overlay {subject.spec}"
        yield _finding(code, Fault(f"{what}; it was resolved in memory", subject.spec, mend))


def _of_failure(subject: Subject) -> Iterator[Finding]:
    if subject.failure is None:
        return
    refused = isinstance(subject.failure, ShadowRefusedError)
    code = codes.SHADOW_REFUSED if refused else codes.UNSATISFIABLE
    for fault in subject.failure.faults:
        yield _finding(code, fault, subject.failure.projects)


def _of_changes(subject: Subject) -> Iterator[Finding]:
    lock = subject.lock
    if lock is None:
        return
    base = {pin.project: pin for pin in subject.inherited}
    own = {pin.project: pin.version for pin in lock.pins}
    for code, projects, word in (
        (codes.SHADOW, lock.shadows, "shadows"),
        (codes.LIFT, lock.lifts, "lifts"),
    ):
        for project in projects:
            below = base.get(project)
            had = f" {below.version} of layer {below.layer}" if below else ""
            what = f"{word} {project}{had} with {own.get(project, 'another version')}"
            yield _finding(code, Fault(what, subject.spec), (project,))
    for project in lock.hides:
        yield _finding(codes.HIDDEN, Fault(f"hides {project}", subject.spec), (project,))


def _finding(code: str, fault: Fault, projects: Sequence[str] = ()) -> Finding:
    return Finding(
        code=code,
        severity=CODES[code][0],
        message=fault.what,
        projects=tuple(projects),
        where=fault.where,
        mend=fault.mend,
    )
