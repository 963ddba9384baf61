"""`envc lock`: resolve every layer that changed, and write its lock."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.disk.durable import disk_error, write_file
from envc.errors import UsageError
from envc.formats.pylock import lock_to_text
from envc.index import IndexSource, default_index
from envc.lock import (
    CORE_BASE,
    Base,
    layer_inputs,
    layer_problem,
    lock_layer,
    on_layer,
    overlay_inputs,
    overlay_problem,
    pinned_versions,
    target_groups,
    with_absolute_paths,
)
from envc.model.digest import Digest
from envc.model.lock import Lock
from envc.model.resolution import Problem, Resolution
from envc.model.spec import IndexSpec, LayerSpec, OverlaySpec, SiteSpec
from envc.model.target import Target
from envc.pipeline.context import Context
from envc.pipeline.site import (
    LockFile,
    Site,
    base_of,
    base_under,
    load_overlay,
    overlay_lock_path,
    read_lock,
    shown,
)
from envc.ports import CandidateSource
from envc.resolve import resolve

Preferred = Mapping[NormalizedName, Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """What to lock, and what may move. `projects` are those that `--upgrade-package` names."""

    layers: tuple[str, ...] = ()
    overlay: str | None = None
    upgrade: bool = False
    projects: frozenset[NormalizedName] = frozenset()
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedLayer:
    """A lock as it is now: `pins` are those of every target, differing ones stand in `targets`."""

    path: str
    digest: Digest
    changed: bool
    pins: dict[str, str]
    targets: dict[str, dict[str, str]] = field(default_factory=dict)
    shadows: tuple[str, ...] = ()
    lifts: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """What `envc lock` did."""

    changed: bool
    layers: dict[str, LockedLayer]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A layer's lock, and whether it differs from what the disk has."""

    file: LockFile
    changed: bool


def lock_site(site: Site, options: LockOptions, context: Context) -> LockReport:
    """Lock the layers (or the one overlay) that `options` name; write what changed.

    With `check` nothing is written, and a stale lock shows as `changed`.

    Raises:
        UnsatisfiableError: a layer has no solution; nothing is written for it or above it.
    """
    unknown = set(options.layers) - {layer.name for layer in site.spec.layers}
    if unknown:
        known = ", ".join(layer.name for layer in site.spec.layers)
        raise UsageError(f"no layer {min(unknown)!r} in site {site.spec.name}", mend=f"use {known}")
    with open_source(site, context) as source:
        if options.overlay is not None:
            spec = load_overlay(options.overlay)
            base = base_under(site, spec)
            outcomes = {spec.name: lock_overlay(site, spec, base, options, source)}
        else:
            outcomes = _lock_layers(site, options, source)
    if not options.check:
        for outcome in outcomes.values():
            if outcome.changed:
                write_lock(outcome.file)
    return LockReport(
        changed=any(outcome.changed for outcome in outcomes.values()),
        layers={name: _report(outcome, site.spec) for name, outcome in sorted(outcomes.items())},
    )


def open_source(site: Site, context: Context) -> IndexSource:
    """The site's indexes as a source of candidates; a context manager."""
    return IndexSource(
        indexes_of(site),
        dict(site.spec.sources),
        cache=context.cache,
        offline=context.offline,
        reporter=context.reporter,
    )


def indexes_of(site: Site) -> tuple[IndexSpec, ...]:
    """The site's indexes, paths made absolute; the ecosystem's default where it names none."""
    if not site.spec.indexes:
        return (default_index(),)
    return tuple(
        index
        if index.path is None
        else IndexSpec(
            name=index.name,
            path=os.path.join(site.origin, os.path.expandvars(index.path)),
            explicit=index.explicit,
        )
        for index in site.spec.indexes
    )


def _lock_layers(site: Site, options: LockOptions, source: CandidateSource) -> dict[str, Outcome]:
    """Every layer asked for, bases first; a base that is not asked for is taken as it stands."""
    wanted = set(options.layers) or {layer.name for layer in site.spec.layers}
    outcomes: dict[str, Outcome] = {}
    bases: dict[str, Base] = {"core": CORE_BASE}
    for layer in site.spec.layers:
        base = bases.get(layer.base) or base_of(site, layer.base)
        if layer.name in wanted:
            outcome = _lock_layer(site, layer, base, options, source)
            outcomes[layer.name] = outcome
            bases[layer.name] = on_layer(
                site.spec,
                layer.name,
                base=base,
                lock=with_absolute_paths(outcome.file.lock, site.origin),
                lock_digest=outcome.file.digest,
            )
    return outcomes


def _lock_layer(
    site: Site, layer: LayerSpec, base: Base, options: LockOptions, source: CandidateSource
) -> Outcome:
    path = site.lock_path(layer.name)
    inputs = layer_inputs(site.spec, layer, base)
    start = Start(read_lock(path, layer.name), options)
    kept = start.kept(inputs)
    if kept is not None:
        return Outcome(kept, changed=False)

    def problem(targets: tuple[Target, ...], preferred: Preferred) -> Problem:
        return layer_problem(site.spec, layer, base=base, targets=targets, preferred=preferred)

    resolutions = _resolve_all(site.spec.targets, problem, start, source)
    folder = os.path.dirname(path)
    lock = lock_layer(layer.name, resolutions, inputs=inputs, base=base, folder=folder)
    return _outcome(path, lock, start)


def lock_overlay(
    site: Site, overlay: OverlaySpec, base: Base, options: LockOptions, source: CandidateSource
) -> Outcome:
    """The overlay's lock against `base`, kept when nothing that decides it has changed.

    Raises:
        UnsatisfiableError: there is no solution, or it needs a shadow that is refused.
    """
    path = overlay_lock_path(overlay)
    start = Start(read_lock(path, overlay.name), options)
    kept = start.kept(overlay_inputs(site.spec, overlay, base))
    if kept is not None:
        return Outcome(kept, changed=False)
    return _outcome(path, resolve_overlay(site, overlay, base, start, source), start)


def resolve_overlay(
    site: Site, overlay: OverlaySpec, base: Base, start: "Start", source: CandidateSource
) -> Lock:
    """The lock that the overlay would have, resolved in memory.

    Raises:
        UnsatisfiableError: there is no solution, or it needs a shadow that is refused.
    """

    def problem(targets: tuple[Target, ...], preferred: Preferred) -> Problem:
        return overlay_problem(site.spec, overlay, base=base, targets=targets, preferred=preferred)

    return lock_layer(
        overlay.name,
        _resolve_all(site.spec.targets, problem, start, source),
        inputs=overlay_inputs(site.spec, overlay, base),
        base=base,
        folder=os.path.dirname(overlay_lock_path(overlay)),
    )


@dataclass(frozen=True, slots=True)
class Start:
    """Where locking starts: the present lock (None where there is none), and what may move."""

    present: LockFile | None
    options: LockOptions

    def kept(self, inputs: Digest) -> LockFile | None:
        """The present lock, when it was made from these inputs and nothing is to move."""
        present = self.present
        if self.options.upgrade or self.options.projects or present is None:
            return None
        return present if present.lock.inputs == inputs else None

    def preferred(self, target: Target) -> dict[NormalizedName, Version]:
        """The pins to keep if possible."""
        if self.present is None or self.options.upgrade:
            return {}
        pins = pinned_versions(self.present.lock, target.markers)
        moving = self.options.projects
        return {project: pin for project, pin in pins.items() if project not in moving}


def _resolve_all(
    targets: tuple[Target, ...],
    problem: Callable[[tuple[Target, ...], Preferred], Problem],
    start: Start,
    source: CandidateSource,
) -> list[Resolution]:
    """A resolution for each group of targets; later ones prefer what the earlier ones chose."""
    resolutions: list[Resolution] = []
    for group in target_groups(targets):
        preferred: dict[NormalizedName, Version] = {}
        for earlier in resolutions:
            preferred |= {pin.project: pin.version for pin in earlier.own()}
        preferred |= start.preferred(group[0])
        resolutions.append(resolve(problem(group, preferred), source))
    return resolutions


def _outcome(path: str, lock: Lock, start: Start) -> Outcome:
    text = lock_to_text(lock)
    changed = start.present is None or start.present.text != text
    return Outcome(LockFile(path, text, lock), changed)


def write_lock(file: LockFile) -> None:
    """Write a lock to its place, in one step.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        write_file(file.path, file.text)
    except OSError as error:
        raise disk_error(error, "write the lock", file.path) from error


def _report(outcome: Outcome, site: SiteSpec) -> LockedLayer:
    lock = outcome.file.lock
    pins, targets = _pins_by_target(lock, site.targets)
    return LockedLayer(
        path=shown(outcome.file.path),
        digest=outcome.file.digest,
        changed=outcome.changed,
        pins=pins,
        targets=targets,
        shadows=lock.shadows,
        lifts=lock.lifts,
        hides=lock.hides,
    )


def _pins_by_target(
    lock: Lock, targets: Iterable[Target]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The pins that hold on every target, and by target those that do not."""
    pins = {
        target.name: {
            str(project): str(version)
            for project, version in pinned_versions(lock, target.markers).items()
        }
        for target in targets
    }
    first, *others = pins.values()
    everywhere = {
        project: version
        for project, version in first.items()
        if all(other.get(project) == version for other in others)
    }
    differing = {
        name: {project: v for project, v in own.items() if project not in everywhere}
        for name, own in pins.items()
    }
    return everywhere, {name: own for name, own in differing.items() if own}
