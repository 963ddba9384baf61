"""`envc lock`: resolve every layer that changed, and write its lock."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.disk.durable import disk_error, write_file
from envc.errors import UsageError
from envc.formats.pylock import lock_to_text
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
    resolve_together,
    target_groups,
    with_absolute_paths,
)
from envc.model.digest import Digest
from envc.model.lock import Lock
from envc.model.resolution import Problem, Resolution
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec, SourcedRequirement
from envc.model.target import Target
from envc.pipeline.building import Carried, Supply, carry, has_its_wheels, realize
from envc.pipeline.context import Context
from envc.pipeline.direct import (
    DirectSource,
    builds_of,
    carried_by,
    directs_of,
    with_direct_shadows,
    with_directs,
)
from envc.pipeline.editable import (
    Editable,
    EditableSource,
    carried_wheels,
    editables_of,
    is_of,
    with_directories,
    with_editables,
    with_shadows,
)
from envc.pipeline.indexes import open_supply
from envc.pipeline.lock_report import LockedLayer, LockOptions, LockReport
from envc.pipeline.place import shown
from envc.pipeline.site import (
    LockFile,
    Site,
    base_of,
    base_under,
    load_overlay,
    overlay_lock_path,
    read_lock,
)
from envc.ports import CandidateSource
from envc.resolve import resolve

Preferred = Mapping[NormalizedName, Version]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A layer's lock, whether it differs from what the disk has, and the wheels it carries.

    `notes` are what a person should know of it.
    """

    file: LockFile
    changed: bool
    carried: tuple[Carried, ...] = ()
    notes: tuple[str, ...] = ()


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
    with open_supply(site, context) as supply:
        if options.overlay is not None:
            spec = load_overlay(options.overlay)
            base = base_under(site, spec)
            outcomes = {spec.name: lock_overlay(site, spec, base, options, supply)}
        else:
            outcomes = _lock_layers(site, options, supply)
    _warn_of_unknown(options, outcomes.values(), context)
    for outcome in outcomes.values():
        for note in outcome.notes:
            context.reporter.warn(note)
    if not options.check:
        for outcome in outcomes.values():
            carry(outcome.carried)
            if outcome.changed:
                write_lock(outcome.file)
    return LockReport(
        changed=any(outcome.changed for outcome in outcomes.values()),
        layers={name: _report(outcome, site.spec) for name, outcome in sorted(outcomes.items())},
    )


def _warn_of_unknown(options: LockOptions, outcomes: Iterable[Outcome], context: Context) -> None:
    """Say which names of `--upgrade-package` are pinned nowhere: most are misspelt."""
    pinned = {pin.project for outcome in outcomes for pin in outcome.file.lock.pins}
    for name in sorted(options.projects):
        if canonicalize_name(name) not in pinned:
            context.reporter.warn(f"--upgrade-package {name}: nothing that was locked has it")


def _lock_layers(site: Site, options: LockOptions, supply: Supply) -> dict[str, Outcome]:
    """Every layer asked for, bases first; a base that is not asked for is taken as it stands."""
    wanted = set(options.layers) or {layer.name for layer in site.spec.layers}
    outcomes: dict[str, Outcome] = {}
    bases: dict[str, Base] = {"core": CORE_BASE}
    for layer in site.spec.layers:
        base = bases.get(layer.base) or base_of(site, layer.base)
        if layer.name in wanted:
            outcome = _lock_layer(site, layer, base, options, supply)
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
    site: Site, layer: LayerSpec, base: Base, options: LockOptions, supply: Supply
) -> Outcome:
    path = site.lock_path(layer.name)
    inputs = layer_inputs(site.spec, layer, base)
    start = Start(read_lock(path, layer.name), options)
    kept = start.kept(inputs)
    if kept is not None:
        return Outcome(kept, changed=False)

    def problem(targets: tuple[Target, ...], preferred: Preferred) -> Problem:
        return layer_problem(site.spec, layer, base=base, targets=targets, preferred=preferred)

    task = _Task(
        name=layer.name,
        path=path,
        requires=layer.requires,
        targets=site.spec.targets,
        base=base,
        inputs=inputs,
        start=start,
        problem=problem,
    )
    return task.carried_out(supply)


def lock_overlay(
    site: Site, overlay: OverlaySpec, base: Base, options: LockOptions, supply: Supply
) -> Outcome:
    """The overlay's lock against `base`, kept when nothing that decides it has changed.

    Raises:
        UnsatisfiableError: there is no solution, or it needs a shadow that is refused.
    """
    path = overlay_lock_path(overlay)
    start = Start(read_lock(path, overlay.name), options)
    inputs = overlay_inputs(site.spec, overlay, base)
    folder = os.path.dirname(path)
    editables = editables_of(overlay, supply, folder=folder)
    carried = carried_wheels(editables, folder)
    kept = start.kept(inputs)
    if kept is not None and is_of(kept.lock, editables):
        return Outcome(kept, changed=False, carried=carried)

    def problem(targets: tuple[Target, ...], preferred: Preferred) -> Problem:
        return overlay_problem(site.spec, overlay, base=base, targets=targets, preferred=preferred)

    task = _Task(
        name=overlay.name,
        path=path,
        requires=overlay.requires,
        targets=site.spec.targets,
        base=base,
        inputs=inputs,
        start=start,
        problem=problem,
        editables=editables,
    )
    return task.carried_out(supply)


@dataclass(frozen=True, slots=True)
class Start:
    """Where locking starts: the present lock (None where there is none), and what may move."""

    present: LockFile | None
    options: LockOptions

    @property
    def lock(self) -> Lock | None:
        """The present lock."""
        return None if self.present is None else self.present.lock

    def kept(self, inputs: Digest) -> LockFile | None:
        """The present lock, when it was made from these inputs, whole, and nothing is to move."""
        present = self.present
        if self.options.upgrade or self.options.projects or present is None:
            return None
        is_whole = has_its_wheels(present.lock, os.path.dirname(present.path))
        return present if is_whole and present.lock.inputs == inputs else None

    @property
    def moving(self) -> frozenset[NormalizedName] | None:
        """The projects that may move; None: all."""
        if self.options.upgrade:
            return None
        return frozenset(map(canonicalize_name, self.options.projects))

    def preferred(self, target: Target) -> dict[NormalizedName, Version]:
        """The pins to keep if possible."""
        moving = self.moving
        if self.present is None or moving is None:
            return {}
        pins = pinned_versions(self.present.lock, target.markers)
        return {project: pin for project, pin in pins.items() if project not in moving}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A layer or an overlay to be locked: its requirements, what it stands on, where it starts."""

    name: str
    path: str
    requires: tuple[SourcedRequirement, ...]
    targets: tuple[Target, ...]
    base: Base
    inputs: Digest
    start: Start
    problem: Callable[[tuple[Target, ...], Preferred], Problem]
    editables: tuple[Editable, ...] = ()

    def carried_out(self, supply: Supply) -> Outcome:
        """The lock, resolved anew, with what it carries."""
        folder, present = os.path.dirname(self.path), self.start.lock
        directs = directs_of(
            self.requires, supply, present=present, folder=folder, moving=self.start.moving
        )
        source = DirectSource(EditableSource(supply.source, self.editables), directs)

        def asked(targets: tuple[Target, ...], preferred: Preferred) -> Problem:
            problem = with_editables(self.problem(targets, preferred), self.editables)
            return with_directs(problem, directs)

        resolutions = [
            with_direct_shadows(
                with_shadows(resolution, self.editables, self.base), directs, self.base
            )
            for resolution in _resolve_all(self.targets, asked, self.start, source)
        ]
        realized = realize(resolutions, supply, present=present, folder=folder)
        builds = {build.wheel: build for build in (*realized.builds, *builds_of(directs))}
        lock = lock_layer(
            self.name,
            realized.resolutions,
            inputs=self.inputs,
            base=self.base,
            folder=folder,
            builds=tuple(build for _, build in sorted(builds.items())),
        )
        carried = (*realized.carried, *carried_wheels(self.editables, folder))
        outcome = _outcome(
            self.path,
            with_directories(lock, self.editables),
            self.start,
            (*carried, *carried_by(directs)),
        )
        unknown = {text for resolution in resolutions for text in resolution.unknown_extras()}
        return replace(outcome, notes=tuple(sorted(unknown)))


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
        asked = problem(group, preferred)
        resolutions.append(resolve_together(asked, partial(resolve, source=source)))
    return resolutions


def _outcome(path: str, lock: Lock, start: Start, carried: tuple[Carried, ...]) -> Outcome:
    text = lock_to_text(lock)
    changed = start.present is None or start.present.text != text
    return Outcome(LockFile(path, text, lock), changed, carried)


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
        built=tuple(build.wheel for build in lock.builds),
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
