"""The verdict on one overlay: what every pass finds, treated as site and overlay have it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from envc.check.collisions import commands, files, modules
from envc.check.interfaces import interfaces
from envc.check.inventory import Inventory
from envc.check.libraries import libraries
from envc.check.pins import pins, start_up, unknown, untold
from envc.check.resolution import changes, failure, lock_state, state_findings
from envc.check.subject import Subject
from envc.errors import EnvcError
from envc.model import codes
from envc.model.codes import FIXED
from envc.model.finding import Finding, Verdict
from envc.model.lock import Lock, LockState
from envc.model.policy import FindingRule
from envc.model.value import replace

# What a verdict says of its lock, and of those below.
_STATES = frozenset(
    {
        *(codes.LOCK_MISSING, codes.LOCK_STALE, codes.OTHER_BASE),
        *(codes.BASE_STALE, codes.BASE_TWICE),
    }
)

# Each finds one kind of fault, and knows nothing of the others.
PASSES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    failure,
    changes,
    pins,
    lock_state,
    files,
    modules,
    commands,
    libraries,
    interfaces,
    start_up,
    unknown,
    untold,
)


def judge(subject: Subject) -> Verdict:
    """The verdict, findings in order of code, then projects; equal ones of several targets once."""
    found = _found(subject)
    if subject.fits and any(finding.severity == "error" for finding in found):
        found = _found(replace(subject, fits=False))
    kept, ignored = _treated(found, subject.site_rules, subject.rules)
    lock = subject.lock
    replaced = {*lock.shadows, *lock.lifts, *lock.hides} if lock is not None else set()
    return Verdict(
        name=subject.name,
        spec=subject.spec,
        ok=not any(finding.severity == "error" for finding in kept),
        inherits=len(subject.inventory.pins.keys() - replaced) if lock is not None else 0,
        adds=lock.adds() if lock is not None else (),
        shadows=lock.shadows if lock is not None else (),
        lifts=lock.lifts if lock is not None else (),
        findings=kept,
        owner=subject.owner,
        base=subject.base,
        hides=lock.hides if lock is not None else (),
        pins=pins_of(lock) if lock is not None else (),
        ignored=ignored,
        base_known=subject.inventory.known,
    )


def _found(subject: Subject) -> list[Finding]:
    """What every pass finds, each finding once."""
    return list(dict.fromkeys(finding for each in PASSES for finding in each(subject)))


def restated(
    verdict: Verdict,
    state: LockState,
    inventory: Inventory,
    *,
    present: Lock | None = None,
    below: Sequence[Finding] = (),
    rules: tuple[Sequence[FindingRule], Sequence[FindingRule]],
) -> Verdict:
    """A verdict whose `present` lock now stands otherwise to its base, which may have changed."""
    others = [finding for finding in verdict.findings if finding.code not in _STATES]
    is_wrong = any(finding.severity == "error" for finding in (*others, *below))
    fits = present is not None and pins_of(present) == verdict.pins and not is_wrong
    told, untold = _treated(state_findings(state, verdict.spec, below, fits=fits), *rules)
    kept = [*others, *told]
    ignored = [*(f for f in verdict.ignored if f.code not in _STATES), *untold]
    replaced = {*verdict.shadows, *verdict.lifts, *verdict.hides}
    return replace(
        verdict,
        ok=not any(finding.severity == "error" for finding in kept),
        inherits=len({*inventory.pins} - replaced) if verdict.inherits else 0,
        findings=tuple(sorted(kept, key=_in_order)),
        ignored=tuple(sorted(ignored, key=_in_order)),
        base_known=inventory.known,
    )


def unreadable(name: str, spec: str, *, code: str, error: EnvcError) -> Verdict:
    """The verdict on an overlay that cannot even be looked at."""
    return Verdict(
        name=name,
        spec=spec,
        ok=False,
        inherits=0,
        adds=(),
        shadows=(),
        lifts=(),
        findings=tuple(
            codes.finding(code, fault.what, where=fault.where, mend=fault.mend)
            for fault in error.faults
        ),
    )


def _treated(
    findings: Iterable[Finding], site: Sequence[FindingRule], overlay: Sequence[FindingRule]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings to tell and those to ignore, each in order of code, projects and message.

    The overlay's rules come after the site's, but what the site makes an error stays one. Codes
    that say that there is no overlay to speak of are left as they are.
    """
    kept: list[Finding] = []
    ignored: list[Finding] = []
    insisted = {rule.code for rule in site if rule.treatment == "error"}
    rules = {rule.code: rule for rule in site}
    rules |= {rule.code: rule for rule in overlay if rule.code not in insisted}
    for finding in sorted(findings, key=_in_order):
        rule = rules.get(finding.code)
        if rule is None or finding.code in FIXED:
            kept.append(finding)
        elif rule.treatment == "ignore":
            ignored.append(replace(finding, reason=rule.reason))
        else:
            kept.append(replace(finding, severity=rule.treatment, reason=rule.reason))
    return tuple(kept), tuple(ignored)


def _in_order(finding: Finding) -> tuple[str, tuple[str, ...], str]:
    """What findings are ordered by."""
    return finding.code, finding.projects, finding.message


def pins_of(lock: Lock) -> tuple[tuple[str, str], ...]:
    """Project → the version that a lock pins, or all of them, in order."""
    versions: dict[str, list[str]] = {}
    for pin in lock.pins:
        versions.setdefault(pin.project, []).append(pin.version)
    return tuple((project, " | ".join(found)) for project, found in versions.items())
