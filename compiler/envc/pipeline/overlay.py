"""`envc overlay`: create, edit, lock and build a user's layer."""

import getpass
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envc.disk.durable import disk_error, write_file
from envc.disk.locks import shared
from envc.errors import UsageError
from envc.formats.document import NAME_FORM
from envc.formats.location import Location, location_to_text
from envc.formats.overlay_edit import with_requirements, without_projects
from envc.formats.overlay_toml import TEMPLATE
from envc.formats.pylock import lock_file_name
from envc.lock import on_overlay, select_wheels, with_absolute_paths
from envc.materialize.directory import Directory, Shape
from envc.materialize.publish import make_directory, publish
from envc.model.digest import Digest
from envc.model.publication import Publication
from envc.model.spec import OverlaySpec
from envc.model.stack import Stack
from envc.model.wheel import WheelFacts
from envc.pipeline.base import (
    OVERLAY_SPEC,
    Below,
    Target,
    below,
    find_target,
    open_target,
    read_location,
)
from envc.pipeline.building import carry
from envc.pipeline.context import Context
from envc.pipeline.indexes import indexes_of, open_supply
from envc.pipeline.lock import (
    Outcome,
    lock_overlay,
    write_lock,
)
from envc.pipeline.lock_report import LockOptions
from envc.pipeline.machine import machine_of
from envc.pipeline.node import target_for
from envc.pipeline.planned import save_plan
from envc.pipeline.planning import environment_of
from envc.pipeline.site import check_base, overlay_from, read_spec
from envc.pipeline.stock import Stock, stack_layer, stacked


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayOptions:
    """Which overlay, and where the common layers are."""

    folder: str
    target: str | None = None
    upgrade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayReport:
    """An overlay as it is now built. `inherits` counts the base's projects that it sees."""

    name: str
    folder: str
    target: str
    base: str
    base_closure: Digest
    generation: int
    digest: Digest
    changed: bool
    inherits: int
    adds: tuple[str, ...]
    shadows: tuple[str, ...]
    lifts: tuple[str, ...]
    hides: tuple[str, ...]
    files: int


def default_folder(name: str | None, target: str | None) -> str:
    """Where an overlay stands when nobody says: here if here is one, else in the site's storage.

    Raises:
        UsageError: the site names no storage.
    """
    if name is None and os.path.exists(OVERLAY_SPEC):
        return os.getcwd()
    found = open_target(find_target(target, None))
    storage = found.location.storage
    if storage is None:
        raise UsageError(
            f"site {found.location.site} names no storage for overlays",
            where=found.directory.path,
            mend="name the overlay's folder with --dir, or set overlays.storage in envc.toml",
        )
    user = getpass.getuser()
    return os.path.join(os.path.expandvars(storage), user, name or default_name())


def default_name() -> str:
    """An overlay's name from the user's: lower case, other characters as dashes."""
    return re.sub(r"[^a-z0-9_-]+", "-", getpass.getuser().lower()).strip("-_") or "overlay"


def create(options: OverlayOptions, base: str | None, context: Context) -> OverlayReport:
    """A new overlay, built: it sees its base and nothing else yet.

    Raises:
        UsageError: there is one already, or the name cannot be an overlay's.
    """
    folder = os.path.abspath(options.folder)
    path = f"{folder}/{OVERLAY_SPEC}"
    if os.path.exists(path):
        raise UsageError(
            "there is an overlay already", where=path, mend="build it with `envc overlay sync`"
        )
    name = os.path.basename(folder)
    if re.fullmatch(NAME_FORM, name) is None:
        raise UsageError(
            f"{name!r} cannot be an overlay's name: lower-case letters, digits, - and _",
            where=folder,
            mend="choose another folder name",
        )
    target = open_target(find_target(options.target, folder))
    chosen = base or _only_open_layer(target)
    text = TEMPLATE.format(name=name, base=chosen).encode()
    check_base(target.site.spec, overlay_from(text, path))
    return _build(options, target, text, context)


def _only_open_layer(target: Target) -> str:
    """The layer to stand on when nobody says: `user`, or the only one that is open."""
    known = [layer.name for layer in target.site.spec.layers if layer.mode == "open"]
    if "user" in known:
        return "user"
    if len(known) == 1:
        return known[0]
    raise UsageError(
        "which common layer to stand on is not clear",
        where=target.directory.path,
        mend=f"say --base with one of {', '.join(known)}",
    )


def add(
    options: OverlayOptions, requirements: list[Requirement], context: Context
) -> OverlayReport:
    """The overlay with these requirements; spec and tree stay as they were when it fails."""
    return _edited(options, lambda text: with_requirements(text, requirements), context)


def remove(
    options: OverlayOptions, projects: list[NormalizedName], context: Context
) -> OverlayReport:
    """The overlay without requirements on these projects.

    Raises:
        UsageError: it has no requirement on one of them.
    """

    def edit(text: bytes) -> bytes:
        edited, absent = without_projects(text, projects)
        if absent:
            raise UsageError(
                f"the overlay has no requirement on {', '.join(absent)}",
                where=f"{options.folder}/{OVERLAY_SPEC}",
                mend="name a project that stands in overlay.requires",
            )
        return edited

    return _edited(options, edit, context)


def sync(options: OverlayOptions, context: Context) -> OverlayReport:
    """The overlay as its spec says, locked against the base that the target has now."""
    return _edited(options, lambda text: text, context)


def _edited(
    options: OverlayOptions, edit: Callable[[bytes], bytes], context: Context
) -> OverlayReport:
    folder = os.path.abspath(options.folder)
    path = f"{folder}/{OVERLAY_SPEC}"
    text = read_spec(path)
    overlay_from(text, path)
    target = open_target(find_target(options.target, folder))
    return _build(options, target, edit(text), context)


def _build(options: OverlayOptions, target: Target, text: bytes, context: Context) -> OverlayReport:
    """Lock, fetch, plan, publish; spec and lock are written when only the disk can still fail."""
    directory = Directory(os.path.abspath(options.folder), Shape.OVERLAY)
    directory.refuse_foreign()
    directory.refuse_exposed()
    spec = overlay_from(text, f"{directory.path}/{OVERLAY_SPEC}")
    under = below(target, spec)
    with open_supply(target.site, context) as supply:
        lock_options = LockOptions(upgrade=options.upgrade)
        outcome = lock_overlay(target.site, spec, under.base, lock_options, supply)
    machine = machine_of(target.current.interpreter)
    node = target_for(outcome.file.lock, machine)
    chosen = select_wheels(with_absolute_paths(outcome.file.lock, directory.path), node)
    indexes = indexes_of(target.site)
    make_directory(directory)
    carry(outcome.carried)
    with shared(directory.store_lock):
        stock = Stock(directory, target.current.python, machine.interpreter, None, indexes, context)
        stock.fill(wheel for _, wheel in chosen)
        stack = _stack(spec, directory, target, under, outcome, stock.facts(chosen))
        layer = stock.plan(stack, chosen, lock=outcome.file.digest)
        _write_inputs(directory, text, outcome, target)
        publication = Publication(
            site=target.current.site,
            python=target.current.python,
            interpreter=target.current.interpreter,
            layers=(layer,),
            specs=(
                (OVERLAY_SPEC, text),
                (lock_file_name(spec.name), outcome.file.text),
            ),
        )
        save_plan(directory, publication.digest(), publication)
        generation, changed = publish(
            directory, publication, stock.store, link_mode="auto", reporter=context.reporter
        )
    lock = outcome.file.lock
    replaced = {*lock.shadows, *lock.lifts, *lock.hides}
    visible = [pin for pin in under.base.visible_pins((node,)) if pin.project not in replaced]
    return OverlayReport(
        name=spec.name,
        folder=directory.path,
        target=target.directory.path,
        base=spec.base,
        base_closure=under.base.named(),
        generation=generation.generation,
        digest=generation.digest,
        changed=changed,
        inherits=len(visible),
        adds=lock.adds(),
        shadows=lock.shadows,
        lifts=lock.lifts,
        hides=lock.hides,
        files=generation.layers[spec.name].files,
    )


def _stack(
    spec: OverlaySpec,
    directory: Directory,
    target: Target,
    under: Below,
    outcome: Outcome,
    wheels: tuple[WheelFacts, ...],
) -> Stack:
    file = outcome.file
    closure = on_overlay(
        target.site.spec, spec, base=under.base, lock=file.lock, lock_digest=file.digest
    ).named()
    python = target.current.python
    top = stack_layer(directory, spec.name, closure=closure, wheels=wheels, python=python)
    common = next(layer for layer in under.layers if layer.location == target.directory.path)
    return Stack(
        python=target.current.python,
        interpreter=target.current.interpreter,
        layers=stacked(top, file.lock.hides, under.layers),
        env=environment_of(target.site.spec, common.name),
    )


def _write_inputs(directory: Directory, text: bytes, outcome: Outcome, target: Target) -> None:
    """Bring spec, lock and location on disk to what the tree is about to be made from."""
    location = Location(site=target.current.site, target=target.directory.path)
    try:
        if read_location(directory.path) != location:
            write_file(f"{directory.path}/location.toml", location_to_text(location))
        spec_path = f"{directory.path}/{OVERLAY_SPEC}"
        if not os.path.exists(spec_path) or read_spec(spec_path) != text:
            write_file(spec_path, text)
    except OSError as error:
        raise disk_error(error, "write the overlay's spec", directory.path) from error
    if outcome.changed:
        write_lock(outcome.file)
