"""What is materialized below an overlay: the site as the target keeps it, and the stack on disk."""

import os
from dataclasses import replace

from envc.disk.durable import disk_error, write_file
from envc.errors import UsageError
from envc.formats.location import Location, location_from_text, location_to_text
from envc.formats.policy import policy_from_json
from envc.lock import Base, on_overlay, shared_packages, with_absolute_paths
from envc.model.generation import Generation
from envc.model.names import POLICY_FILE, lock_file_name
from envc.model.policy import under_policy
from envc.model.spec import OverlaySpec
from envc.model.stack import StackLayer
from envc.model.value import value
from envc.sites.place import SPEC_NAME
from envc.sites.site import (
    Site,
    base_of,
    check_base,
    load_overlay,
    load_site,
    refuse_circle,
    require_lock,
)
from envc.store import Store
from envc.target.directory import Directory, Shape
from envc.target.settle import read_policy
from envc.target.stock import stack_layer, stacked

OVERLAY_SPEC = "overlay.toml"


@value
class Target:
    """A target directory, its current generation, and the site that it was made from."""

    directory: Directory
    current: Generation
    site: Site
    location: Location


@value
class Below:
    """What an overlay stands on: for the resolver, and as it is on disk (top first)."""

    base: Base
    layers: tuple[StackLayer, ...]


def directory_at(path: str) -> Directory:
    """The target directory or the overlay's folder at `path`; its spec tells which."""
    folder = os.path.abspath(path)
    is_overlay = os.path.exists(f"{folder}/{OVERLAY_SPEC}")
    return Directory(folder, Shape.OVERLAY if is_overlay else Shape.TARGET)


def materialized_at(path: str) -> Directory:
    """The same, of which at least one generation is there.

    Raises:
        UsageError: nothing is materialized here.
    """
    directory = directory_at(path)
    if not directory.numbers():
        raise UsageError(
            "nothing is materialized here",
            where=directory.path,
            mend="name a target directory, or an overlay's folder",
        )
    return directory


def open_target(path: str) -> Target:
    """What is materialized in a target directory.

    Raises:
        UsageError: nothing is.
    """
    directory = Directory(os.path.abspath(path), Shape.TARGET)
    current = directory.current()
    if current is None:
        raise UsageError(
            "nothing is materialized here",
            where=directory.path,
            mend=f"run `envc materialize --target {directory.path}`, or name another target",
        )
    location = read_location(directory.path)
    policy = read_policy(directory)
    folder = f"{directory.generation(current.generation)}/site"
    name = SPEC_NAME if os.path.exists(f"{folder}/{SPEC_NAME}") else "pyproject.toml"
    site = load_site(
        folder,
        name,
        origin=location.checkout if location else None,
        interpreter=current.interpreter,
    )
    if policy:
        path = f"{directory.path}/{POLICY_FILE}"
        site = replace(site, spec=under_policy(site.spec, policy_from_json(policy, path)))
    fallback = Location(site=current.site, target=directory.path)
    return Target(directory, current, site, location or fallback)


def read_location(folder: str) -> Location | None:
    """The location file of a target or an overlay's folder; None where there is none."""
    path = f"{folder}/location.toml"
    try:
        with open(path, "rb") as file:
            return location_from_text(file.read(), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, "read where the target is", path) from error


def write_location(folder: str, location: Location) -> None:
    """Write the location file of a target or an overlay's folder.

    Raises:
        OutsideError: the disk refused.
    """
    path = f"{folder}/location.toml"
    try:
        write_file(path, location_to_text(location))
    except OSError as error:
        raise disk_error(error, "write where the target is", path) from error


def find_target(given: str | None, overlay_folder: str | None) -> str:
    """The target directory: the one given, the one the overlay recorded, or `ENVC_TARGET`.

    Raises:
        UsageError: none of them tells.
    """
    if given is not None:
        return os.path.abspath(given)
    location = read_location(overlay_folder) if overlay_folder is not None else None
    found = location.target if location is not None else os.environ.get("ENVC_TARGET")
    if not found:
        raise UsageError(
            "where the common layers are materialized is not known",
            where=overlay_folder or "",
            mend="name the target with --target DIR, or set ENVC_TARGET",
        )
    return os.path.abspath(found)


def below(target: Target, overlay: OverlaySpec, above: tuple[OverlaySpec, ...] = ()) -> Below:
    """What is materialized below an overlay; `above` are those that stand on it, top first.

    Raises:
        SpecError: its base is unknown or managed, or overlays stand on each other in a circle.
        UsageError: its base is not materialized.
    """
    stack = refuse_circle(overlay, above)
    if overlay.base_dir is not None:
        return _below_on_overlay(target, overlay, stack)
    check_base(target.site.spec, overlay)
    layers: tuple[StackLayer, ...] = ()
    for spec in reversed(target.site.spec.chain(overlay.base)):
        if spec.name not in target.current.layers:
            raise UsageError(
                f"layer {spec.name} is not materialized here",
                where=target.directory.path,
                mend=f"run `envc materialize --target {target.directory.path}`",
            )
        layer = _published_layer(target.directory, target.current, spec.name)
        hides = require_lock(target.site.lock_path(spec.name), spec.name).lock.hides
        layers = stacked(layer, hides, layers)
    return _below(base_of(target.site, overlay.base), layers)


def _below_on_overlay(
    target: Target, overlay: OverlaySpec, above: tuple[OverlaySpec, ...]
) -> Below:
    """What is below an overlay that stands on another overlay's folder."""
    folder = os.path.normpath(
        os.path.join(os.path.dirname(os.path.abspath(overlay.file)), overlay.base_dir or "")
    )
    spec = load_overlay(f"{folder}/{OVERLAY_SPEC}")
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.current()
    if current is None or overlay.base not in current.layers:
        raise UsageError(
            f"overlay {overlay.base} is not built here",
            where=folder,
            mend=f"run `envc overlay sync --dir {folder}` as its owner",
        )
    under = below(target, spec, above)
    site_folder = f"{directory.generation(current.generation)}/site"
    lock = require_lock(f"{site_folder}/{lock_file_name(spec.name)}", spec.name)
    top = _published_layer(directory, current, overlay.base)
    base = on_overlay(
        target.site.spec,
        spec,
        base=under.base,
        lock=with_absolute_paths(lock.lock, folder),
        lock_digest=lock.digest,
    )
    return _below(base, stacked(top, lock.lock.hides, under.layers))


def _below(base: Base, layers: tuple[StackLayer, ...]) -> Below:
    wheels = [wheel for layer in layers for wheel in layer.visible()]
    return Below(replace(base, together=shared_packages(wheels)), layers)


def _published_layer(directory: Directory, generation: Generation, name: str) -> StackLayer:
    record = generation.layers[name]
    store = Store(directory.store)
    return stack_layer(
        directory,
        name,
        closure=record.closure,
        wheels=tuple(store.facts(wheel.store_id) for wheel in record.wheels),
        python=generation.python,
    )
