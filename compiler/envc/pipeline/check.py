"""`envc check`: a verdict on every overlay, whatever state its files are in."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass

from envc.check import LockState, Subject, codes, judge, unreadable
from envc.errors import EnvcError, OutsideError, UnsatisfiableError
from envc.lock import Base, overlay_inputs, target_groups
from envc.model.finding import Verdict
from envc.model.spec import OverlaySpec
from envc.pipeline.context import Context
from envc.pipeline.lock import (
    LockOptions,
    Start,
    open_source,
    resolve_overlay,
)
from envc.pipeline.site import (
    LockFile,
    Site,
    base_under,
    load_overlay,
    overlay_lock_path,
    read_lock,
    shown,
)
from envc.ports import CandidateSource


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """The verdicts, in order of spec; `ok` when all are."""

    ok: bool
    overlays: tuple[Verdict, ...]


def check(site: Site, specs: tuple[str, ...], context: Context) -> CheckReport:
    """The verdict on each overlay: those named, else those of the site's `[overlays] specs`.

    Raises:
        OutsideError: an index did not answer; a verdict without it would be a guess.
    """
    with open_source(site, context) as source:
        verdicts = tuple(_verdict(site, path, source) for path in specs or _specs_of(site))
    return CheckReport(ok=all(verdict.ok for verdict in verdicts), overlays=verdicts)


def _specs_of(site: Site) -> Iterator[str]:
    """The files that the site's globs name, in order, each once."""
    found: set[str] = set()
    for pattern in site.spec.overlays.specs:
        where = os.path.join(site.origin, os.path.expandvars(pattern))
        found |= {os.path.abspath(path) for path in glob.glob(where, recursive=True)}
    yield from sorted(path for path in found if not os.path.basename(path).startswith("pylock."))


def _verdict(site: Site, path: str, source: CandidateSource) -> Verdict:
    name = os.path.splitext(os.path.basename(path))[0]
    try:
        spec = load_overlay(path)
    except OutsideError:
        raise
    except EnvcError as error:
        return unreadable(name, shown(path), codes.SPEC_UNREADABLE, error)
    try:
        base = base_under(site, spec)
    except OutsideError:
        raise
    except EnvcError as error:
        return unreadable(spec.name, shown(path), codes.BASE_UNUSABLE, error)
    try:
        present = read_lock(overlay_lock_path(spec), spec.name)
    except EnvcError as error:
        return unreadable(spec.name, shown(path), codes.LOCK_UNREADABLE, error)
    return judge(_subject(site, spec, base, present, source))


def _subject(
    site: Site, spec: OverlaySpec, base: Base, present: LockFile | None, source: CandidateSource
) -> Subject:
    state = _state(site, spec, base, present)
    lock = present.lock if present is not None and state is LockState.FRESH else None
    failure: UnsatisfiableError | None = None
    if lock is None:
        try:
            lock = resolve_overlay(site, spec, base, Start(present, LockOptions()), source)
        except UnsatisfiableError as error:
            failure = error
    return Subject(
        name=spec.name,
        spec=spec.file,
        state=state,
        lock=lock,
        inherited=base.visible_pins(target_groups(site.spec.targets)[0]),
        failure=failure,
    )


def _state(site: Site, spec: OverlaySpec, base: Base, present: LockFile | None) -> LockState:
    if present is None:
        return LockState.MISSING
    made_against = present.lock.base
    if made_against is None or made_against.closure != base.closure:
        return LockState.OTHER_BASE
    fresh = present.lock.inputs == overlay_inputs(site.spec, spec, base)
    return LockState.FRESH if fresh else LockState.STALE
