"""What is materialized below an overlay: for the resolver, and the stack on disk."""

import os

from envc.errors import UsageError, shell_word
from envc.lock import Base, on_overlay, shared_packages, with_absolute_paths
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC, lock_file_name
from envc.model.spec import LayerSpec, OverlaySpec
from envc.model.stack import StackLayer
from envc.model.value import replace, value
from envc.sites.site import (
    LockFile,
    base_of,
    check_base,
    load_overlay,
    refuse_circle,
    require_lock,
)
from envc.store import Store
from envc.target.directory import Directory, Shape
from envc.target.opened import Target
from envc.target.stock import stack_layer, stacked


@value
class Below:
    """What an overlay stands on: for the resolver, and as it is on disk (top first)."""

    base: Base
    layers: tuple[StackLayer, ...]


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
    base, chain = base_of(target.site, overlay.base), target.site.spec.chain(overlay.base)
    layers = _environment(base, chain[-1], overlay)
    for spec in reversed(chain):
        if spec.name not in target.current.layers:
            raise UsageError(
                f"layer {spec.name} is not materialized here",
                where=target.directory.path,
                mend=f"run `envc materialize --target {shell_word(target.directory.path)}`",
            )
        _, layers = _published(target.directory, target.current, spec.name, layers)
    return _below(base, layers)


def _environment(base: Base, bottom: LayerSpec, overlay: OverlaySpec) -> tuple[StackLayer, ...]:
    """The folders of the environment at the bottom of a target's layers, if that is one."""
    if base.inventory is None:
        return ()
    from envc.target.described import folders_below  # few layers stand on such a thing

    warns = bottom.described is not None and bottom.described.warns_of_changes
    return folders_below(base, warns=warns or overlay.warns_of_changes)


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
            mend=f"run `envc overlay sync --dir {shell_word(folder)}` as its owner",
        )
    under = below(target, spec, above)
    file, layers = _published(directory, current, overlay.base, under.layers)
    lock = with_absolute_paths(file.lock, folder)
    base = on_overlay(target.site.spec, spec, base=under.base, lock=lock, lock_digest=file.digest)
    return _below(base, layers)


def _below(base: Base, layers: tuple[StackLayer, ...]) -> Below:
    wheels = [wheel for layer in layers for wheel in layer.visible()]
    return Below(replace(base, together=shared_packages(wheels)), layers)


def _published(
    directory: Directory, generation: Generation, name: str, below: tuple[StackLayer, ...]
) -> tuple[LockFile, tuple[StackLayer, ...]]:
    """The lock that a layer was published from, and the layer on those that are below it."""
    path = f"{directory.generation(generation.generation)}/site/{lock_file_name(name)}"
    repair = "envc repair --overlay" if directory.is_overlay else "envc repair --target"
    file = require_lock(path, name, f"{repair} {shell_word(directory.path)}")
    record, store = generation.layers[name], Store(directory.store)
    top = stack_layer(
        directory,
        name,
        closure=record.closure,
        wheels=tuple(store.facts(wheel.store_id) for wheel in record.wheels),
        python=generation.python,
    )
    return file, stacked(top, file.lock.hides, below)
