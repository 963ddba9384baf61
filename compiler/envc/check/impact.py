"""What a change of a site means for an overlay: the verdict before and the one now, compared."""

from typing import Literal

from envc.model.finding import Verdict
from envc.model.value import value

ImpactKind = Literal["unaffected", "re-lock", "broken", "still-broken", "mended", "new"]


@value(kw_only=True)
class Impact:
    """How an overlay fares: `changes` say what its lock would hold otherwise, `why` what breaks it.

    unaffected    what it holds itself stays as it is
    re-lock       its own pins, shadows, lifts or hides change
    broken        it was ok and is not any more
    still-broken  it was not ok before either
    mended        it was not ok and is now
    new           the other state of the site does not have it
    """

    name: str
    spec: str
    kind: ImpactKind
    changes: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def classify(before: Verdict | None, now: Verdict) -> Impact:
    """The impact on an overlay; `before` is None where there was none of that spec."""
    why = tuple(
        f"{finding.code}: {finding.message}"
        for finding in now.findings
        if finding.severity == "error"
    )
    changes = _changes(before, now) if before is not None else ()
    if before is None:
        kind: ImpactKind = "new"
    elif not now.ok:
        kind = "broken" if before.ok else "still-broken"
    elif not before.ok:
        kind = "mended"
    else:
        kind = "re-lock" if changes else "unaffected"
    return Impact(name=now.name, spec=now.spec, kind=kind, changes=changes, why=why)


def _changes(before: Verdict, now: Verdict) -> tuple[str, ...]:
    if not now.pins and not now.ok:
        return ()
    old, new = dict(before.pins), dict(now.pins)
    lines = [f"adds {project} {new[project]}" for project in sorted(new.keys() - old)]
    lines += [f"drops {project} {old[project]}" for project in sorted(old.keys() - new)]
    lines += [
        f"moves {project} from {old[project]} to {new[project]}"
        for project in sorted(old.keys() & new)
        if old[project] != new[project]
    ]
    for word, was, become in (
        ("shadow", before.shadows, now.shadows),
        ("lift", before.lifts, now.lifts),
        ("hide", before.hides, now.hides),
    ):
        lines += [f"begins to {word} {project}" for project in sorted({*become} - {*was})]
        lines += [f"no longer {word}s {project}" for project in sorted({*was} - {*become})]
    return tuple(lines)
