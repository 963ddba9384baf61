"""What the lock, or resolving in memory, says: failures, shadows, lifts, and the lock's own age."""

from collections.abc import Iterator

from envc.check.make import finding
from envc.check.offers import PassedKind
from envc.check.subject import LockState, Subject
from envc.errors import ShadowRefusedError
from envc.model import codes
from envc.model.finding import Finding

_PASSED: dict[PassedKind, str] = {
    "no-wheel": codes.NO_WHEEL,
    "python": codes.REQUIRES_PYTHON,
    "yanked": codes.YANKED,
}


def failure(subject: Subject) -> Iterator[Finding]:
    """That there is no resolution, or a refused one; and which releases a target cannot take."""
    error = subject.failure
    if error is None:
        return
    refused = isinstance(error, ShadowRefusedError)
    code = codes.SHADOW_REFUSED if refused else codes.UNSATISFIABLE
    for fault in error.faults:
        yield finding(code, fault.what, error.projects, where=fault.where, mend=fault.mend)
    for passed in subject.passed:
        mend = f"ask for other versions of {passed.project}, or do without it"
        where = subject.where(passed.project)
        yield finding(
            _PASSED[passed.kind], passed.reason, (passed.project,), where=where, mend=mend
        )


def lock_state(subject: Subject) -> Iterator[Finding]:
    """That the lock is missing or old, or that the tree was built from another one."""
    yield from state_findings(subject.state, subject.spec)
    if subject.drift:
        folder = subject.spec.rpartition("/")[0] or "."
        mend = f"build it anew: envc overlay sync --dir {folder}"
        yield finding(codes.DRIFTED, subject.drift, where=subject.spec, mend=mend)


def state_findings(state: LockState, spec: str) -> Iterator[Finding]:
    """That a lock is in this state; nothing of a fresh one."""
    told = {
        LockState.MISSING: (codes.LOCK_MISSING, "the overlay has no lock"),
        LockState.STALE: (codes.LOCK_STALE, "the overlay's lock is older than its spec"),
        LockState.OTHER_BASE: (
            codes.OTHER_BASE,
            "the overlay's lock was made against another state of its base",
        ),
    }
    if state in told:
        code, what = told[state]
        yield finding(
            code,
            f"{what}; it was resolved in memory",
            where=spec,
            mend=f"lock it: envc lock --overlay {spec}",
        )


def changes(subject: Subject) -> Iterator[Finding]:
    """What the overlay shadows, lifts and hides."""
    lock = subject.lock
    if lock is None:
        return
    own = {pin.project: pin.version for pin in lock.pins}
    for code, projects, word in (
        (codes.SHADOW, lock.shadows, "shadows"),
        (codes.LIFT, lock.lifts, "lifts"),
    ):
        for project in projects:
            what = (
                f"{word} {subject.inventory.called(project)} with {own.get(project, 'another one')}"
            )
            yield finding(code, what, (project,), where=subject.where(project))
    for project in lock.hides:
        yield finding(codes.HIDDEN, f"hides {project}", (project,), where=subject.where(project))
