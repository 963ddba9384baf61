"""What the lock, or resolving in memory, says: failures, shadows, lifts, and the lock's own age."""

from collections.abc import Iterator, Sequence

from envc.check.subject import Subject
from envc.errors import ShadowRefusedError, shell_word
from envc.model import codes
from envc.model.codes import finding
from envc.model.finding import Finding
from envc.model.lock import LockState
from envc.model.value import replace

# Kinds of reasons why releases are passed over that have codes of their own.
_PASSED_OVER = {
    "tags": codes.NO_WHEEL,
    "sdist": codes.NO_WHEEL,
    "python": codes.REQUIRES_PYTHON,
    "yanked": codes.YANKED,
}
# What is wrong with a lock in a state: the code, and the words for it.
_STATES = {
    LockState.MISSING: (codes.LOCK_MISSING, "the overlay has no lock"),
    LockState.STALE: (codes.LOCK_STALE, "the overlay's lock is older than its spec"),
    LockState.OTHER_BASE: (
        codes.OTHER_BASE,
        "the overlay's lock was made against another state of its base",
    ),
}
_STILL_FITS = "the base was upgraded since; it still fits"


def failure(subject: Subject) -> Iterator[Finding]:
    """That there is no resolution, or a refused one; and which releases a target cannot take."""
    error = subject.failure
    if error is None:
        return
    refused = isinstance(error, ShadowRefusedError)
    code = codes.SHADOW_REFUSED if refused else codes.UNSATISFIABLE
    for fault in error.faults:
        yield finding(code, fault.what, error.projects, where=fault.where, mend=fault.mend)
    for project, kind, reason in error.passed_over:
        if kind in _PASSED_OVER:
            mend = f"ask for other versions of {project}, or do without it"
            what = f"no release of {project} that is asked for can be taken; {reason}"
            yield subject.finding(_PASSED_OVER[kind], what, project, mend=mend)


def lock_state(subject: Subject) -> Iterator[Finding]:
    """That the lock is missing or old, or that the tree was built from another one."""
    yield from state_findings(subject.state, subject.spec, subject.below, fits=subject.fits)
    if subject.drift:
        folder = subject.spec.rpartition("/")[0] or "."
        mend = f"build it anew: envc overlay sync --dir {shell_word(folder)}"
        yield subject.finding(codes.DRIFTED, subject.drift, mend=mend)


def state_findings(
    state: LockState, spec: str, below: Sequence[Finding] = (), *, fits: bool = False
) -> Iterator[Finding]:
    """What was found `below`, and that the lock is in this state; nothing of a fresh one.

    One that `fits` another base as it is needs no haste: that is a note.

    Above a stale lock only a missing one is told: whether another fits shows when that is mended.
    """
    yield from below
    base_is_stale = any(each.code == codes.BASE_STALE for each in below)
    if state in _STATES and (state is LockState.MISSING or not base_is_stale):
        code, what = _STATES[state]
        still = state is LockState.OTHER_BASE and fits
        said = _STILL_FITS if still else f"{what}; it was resolved in memory"
        mend = f"lock it: envc lock --overlay {shell_word(spec)}"
        told = finding(code, said, where=spec, mend=mend)
        yield replace(told, severity="note") if still else told


def changes(subject: Subject) -> Iterator[Finding]:
    """What the overlay shadows, lifts and hides."""
    lock = subject.lock
    if lock is None:
        return
    own = {pin.project: pin.version for pin in lock.pins}
    for code, projects, word in (
        (codes.SHADOW, lock.shadows, "replaces"),
        (codes.LIFT, lock.lifts, "also moves"),
    ):
        for project in projects:
            replaced, by = subject.inventory.called(project), own.get(project, "another one")
            yield subject.finding(code, f"{word} {replaced} -> {by}", project)
    for project in lock.hides:
        yield subject.finding(codes.HIDDEN, f"hides {project}", project)
