"""`envc doctor`: is this node fit for a target, and for an overlay on it?"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from envc.commands.verify import verify
from envc.disk.cache_place import default_cache
from envc.disk.ownership import exposure
from envc.errors import EnvcError, shell_word
from envc.formats.stack_text import described_records
from envc.host.machine import machine_of
from envc.host.storage import expanded, trouble_with, user_name
from envc.host.surroundings import DROPPED, missing_modules, shadowing
from envc.model.generation import Generation
from envc.model.value import replace
from envc.overlays.places import named_owners
from envc.overlays.stage_care import refuse_strangers_stage
from envc.overlays.staged import stage_root
from envc.reports.doctor import Diagnosis, DoctorReport
from envc.reports.verify import VerifyProblem
from envc.sites.overlay_folder import lost_spec
from envc.sites.place import nearest_site, upwards
from envc.target import fitness as checks
from envc.target import neighbours
from envc.target.base_state import base_states, stack_text
from envc.target.by_hand import ByHand, by_hand
from envc.target.compare import ENVIRONMENT
from envc.target.directory import Directory
from envc.target.neighbours import Asked
from envc.target.opened import directory_at, open_target, recorded_target

_NAMES_SHOWN = 3
# What the diagnoses of folders tell already.
_TOLD_AS_PERMISSIONS = ("target", "overlay")


def doctor(
    target: str | None,
    overlay: str | None,
    surroundings: Mapping[str, str],
    *,
    word: str | None = None,
) -> DoctorReport:
    """Look at this node; at the target and the overlay as far as they are named or known.

    `word` is what led the caller to the overlay: one that is a path names its owner, too.
    Whatever goes wrong while looking is a diagnosis, too.
    """
    overlay = os.path.abspath(overlay) if overlay is not None else None
    if target is None and overlay is not None:
        target = _target_of(overlay)
    target = target or surroundings.get("ENVC_TARGET")
    target = os.path.abspath(target) if target else None
    named = [Asked("overlay", overlay, named_owners(overlay, word))] if overlay is not None else []
    found = [checks.system(), checks.open_files(), checks.file_size()]
    if target is not None:
        found += _folder("target", target, neighbours.owners_of(target), is_local=True)
        found += _built("target", target, {} if overlay is not None else surroundings)
        found += _modules(target, surroundings)
        found += _storage(target)
    for each in named:
        found += _folder(each.subject, each.path, each.owners, is_local=False)
        found += _built(each.subject, each.path, surroundings)
        found += _overlay(each.path)
    found += [_stage(), *_variables(surroundings)]
    exposures = tuple(neighbours.exposures(_asked(target, named, surroundings)))
    found += neighbours.diagnosed(exposures, _TOLD_AS_PERMISSIONS)
    if target is not None and _is_own(target):
        found += neighbours.hindrances(target, directory_at(target).store)
    return DoctorReport(
        ok=all(each.state != "error" for each in found),
        target=target,
        overlay=overlay,
        diagnoses=tuple(found),
        exposures=exposures,
    )


def _stage() -> Diagnosis:
    """Could `envc stage` work here?"""
    root = stage_root(None)
    try:
        refuse_strangers_stage(root)
    except EnvcError as error:
        return _trouble("stage", error)
    return checks.scratch(root)


def _asked(
    target: str | None, named: Iterable[Asked], surroundings: Mapping[str, str]
) -> Iterable[Asked]:
    """All that must be nobody else's, for who uses a target, what he has named, or envc alone."""
    owners = neighbours.owners_of(target) if target is not None else ()
    yield from neighbours.of_person(surroundings, owners)
    yield Asked("cache", default_cache(), may_be_made=True)
    yield Asked("stage", stage_root(None))
    site = nearest_site(upwards(os.getcwd()))
    if site is not None:
        yield Asked("site", site[0])
    yield from named
    if target is None:
        return
    yield Asked("target", target, owners)
    with suppress(EnvcError):
        opened = open_target(target)
        yield Asked("interpreter", opened.current.interpreter, owners)
        if opened.location.storage is not None:
            storage = expanded(opened.location.storage, target)
            yield Asked("storage", f"{storage}/{user_name()}")
        if _is_own(target):
            yield from neighbours.of_owner(
                target, directory_at(target).store, opened.location.wanted
            )


def _is_own(target: str) -> bool:
    """Whether the caller is who works on the target."""
    return os.geteuid() in {0, *neighbours.owners_of(target)}


def _target_of(overlay: str) -> str | None:
    """The target that an overlay recorded, if it can be read."""
    with suppress(EnvcError):
        return recorded_target(overlay)
    return None


def _folder(
    subject: str, path: str, owners: tuple[int, ...], *, is_local: bool
) -> Iterable[Diagnosis]:
    """What the file system does, at the folder or at the nearest one above it that is there."""
    place = path
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    yield checks.file_system(subject, place, is_local=is_local)
    yield checks.room(subject, place)
    yield checks.exposure(subject, path, owners)
    if not os.access(place, os.W_OK):
        yield Diagnosis(f"{subject}: links", "ok", f"not tried: {place} is not yours to write")
        return
    yield checks.links(subject, place)
    yield checks.locks(subject, place, is_local=is_local)
    yield checks.clock(subject, place)


def _built(subject: str, path: str, surroundings: Mapping[str, str]) -> Iterable[Diagnosis]:
    """What was materialized there: can it run, and what would go before it?"""
    directory = directory_at(path)
    try:
        current = directory.current()
        if current is None:
            yield Diagnosis(
                f"{subject}: generation",
                "warning",
                f"nothing is built in {path}",
                "run `envc materialize`, for an overlay `envc overlay sync`",
            )
            return
        of = f" of {current.site}" if current.site else ""
        yield Diagnosis(f"{subject}: generation", "ok", f"generation {current.generation}{of}")
        yield from _environments(subject, directory, current)
        yield _interpreter(subject, current)
        trees = [directory.tree(current.generation, layer) for layer in current.layers]
        below = [state.tree for tree in trees for state in base_states(tree, current.python)]
    except EnvcError as error:
        yield _trouble(f"{subject}: generation", error)
        return
    for found in shadowing(surroundings, (*trees, *below), current.python):
        yield Diagnosis(
            f"{subject}: {found.name}", "warning", found.message, f"unset {shell_word(found.name)}"
        )


def _environments(subject: str, directory: Directory, current: Generation) -> Iterable[Diagnosis]:
    """Are the environments below as they were described? One that several layers share counts once.

    Raises:
        OutsideError: what a tree stands on cannot be read.
    """
    told: set[tuple[str, ...]] = set()
    for layer in current.layers:
        tree = directory.tree(current.generation, layer)
        folders = tuple(each.folder for each in described_records(stack_text(tree, current.python)))
        if folders and folders not in told:
            told.add(folders)
            yield _environment(f"{subject}: base", directory, current, layer, folders)


def _environment(
    name: str, directory: Directory, current: Generation, layer: str, folders: tuple[str, ...]
) -> Diagnosis:
    from envc.target.environments import refuse_changed, who_mends  # few stand on such a thing

    tree = directory.tree(current.generation, layer)
    bases = [state.tree for state in base_states(tree, current.python)]
    mend = who_mends(directory, current)
    try:
        changed = refuse_changed(tree, current.python, bases, who=layer, mend=mend)
    except EnvcError as error:
        return _trouble(name, error)
    if changed:
        return Diagnosis(name, "warning", changed, mend)
    return Diagnosis(name, "ok", f"as it was described: {', '.join(folders)}")


def _interpreter(subject: str, current: Generation) -> Diagnosis:
    """Whether it is what was built for; what others could change is not run to find out."""
    fault = exposure(current.interpreter)
    if fault is None:
        return checks.interpreter(subject, machine_of(current.interpreter), current.python)
    what = f"{current.interpreter} is not run: {fault.where}: {fault.what}"
    return Diagnosis(f"{subject}: interpreter", "warning", what, fault.mend)


def _modules(target: str, surroundings: Mapping[str, str]) -> Iterable[Diagnosis]:
    """The environment modules that the target's layers need."""
    try:
        found = open_target(target)
    except EnvcError:
        return  # told as the target's generation
    layers = found.current.layers
    wanted = dict.fromkeys(name for each in layers for name in found.settings(each).modules)
    missing = missing_modules(surroundings, wanted)
    if missing:
        mend = f"module load {' '.join(map(shell_word, missing))}"
        yield Diagnosis("target: modules", "warning", f"not loaded: {', '.join(missing)}", mend)
    elif wanted:
        yield Diagnosis("target: modules", "ok", f"loaded: {', '.join(wanted)}")


def _storage(target: str) -> Iterable[Diagnosis]:
    """Can users have overlays where the site wants them?"""
    try:
        storage = open_target(target).location.storage
        if storage is None:
            return
        place = expanded(storage, f"{target}/location.toml (storage)")
        trouble = trouble_with(place)
    except EnvcError as error:
        yield replace(_trouble("target: storage", error), state="warning")
        return
    if trouble is not None:
        what = f"{trouble.what}: {trouble.where}"
        yield Diagnosis("target: storage", "warning", what, trouble.mend)
    else:
        yield Diagnosis("target: storage", "ok", f"users can have overlays in {place}")


def _overlay(path: str) -> Iterable[Diagnosis]:
    """Is the overlay's tree what was built, and are its bases here?"""
    directory = directory_at(path)
    lost = lost_spec(path)
    if lost is not None:
        yield Diagnosis("overlay: spec", "error", lost.what, lost.mend)
    try:
        current = directory.current()
        if current is None:
            return
        yield from _bases(directory, current)
        hand = by_hand(directory, current)
        problems = verify(path, fast=True).problems
    except EnvcError as error:
        yield _trouble("overlay: sources", error)
        return
    for told in hand.told(directory.path):
        yield Diagnosis("overlay: by hand", "warning", told.what, told.mend)
    yield _sources(path, hand, problems)


def _sources(path: str, hand: ByHand, problems: Iterable[VerifyProblem]) -> Diagnosis:
    """Is the tree as it was built, but for what was installed by hand, which is told already?"""
    name, installed = "overlay: sources", {str(each.project) for each in hand.installed}
    others = [
        problem.path
        for problem in problems
        if problem.layer != ENVIRONMENT  # told as its base
        and (not installed or (problem.kind != "extra" and problem.project not in installed))
    ]
    if not others:
        what = "as they were built, but for that" if installed else "as they were built"
        return Diagnosis(name, "ok", what)
    shown = ", ".join(others[:_NAMES_SHOWN])
    more = f" and {len(others) - _NAMES_SHOWN} more" if len(others) > _NAMES_SHOWN else ""
    first = "adopt what was installed by hand; then " if installed else ""
    mend = f"{first}`envc repair --overlay {shell_word(path)}` brings them back"
    return Diagnosis(name, "warning", f"not as they were built: {shown}{more}", mend)


def _bases(directory: Directory, current: Generation) -> Iterable[Diagnosis]:
    for layer in current.layers:
        for state in base_states(directory.tree(current.generation, layer), current.python):
            name = f"overlay: base {state.layer}"
            if state.held is None:
                what = f"{state.location} does not hold {state.closure}"
                yield Diagnosis(name, "error", what, state.mend(directory.path))
            elif state.moved_on:
                yield Diagnosis(name, "warning", "it has moved on", state.said(directory.path))
            else:
                yield Diagnosis(name, "ok", f"generation {state.held.generation}")


def _variables(surroundings: Mapping[str, str]) -> Iterable[Diagnosis]:
    """Variables that change what any Python does; `envc run` drops them."""
    for name in DROPPED:
        if surroundings.get(name):
            yield Diagnosis(
                f"variable {name}",
                "warning",
                f"{name} is set: {surroundings[name]}",
                f"unset {shell_word(name)}, or start programs with `envc run`, which drops it",
            )


def _trouble(name: str, error: EnvcError) -> Diagnosis:
    fault = error.faults[0]
    where = f" ({fault.where})" if fault.where else ""
    return Diagnosis(name, "error", f"{fault.what}{where}", fault.mend)
