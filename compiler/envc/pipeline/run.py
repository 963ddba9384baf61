"""`envc run`: a command in a stack, with the environment that the stack sets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from envc.errors import OutsideError, UsageError
from envc.materialize.directory import Directory, Shape
from envc.model.generation import Generation
from envc.pipeline.base import OVERLAY_SPEC, Target, find_target, open_target, read_location
from envc.pipeline.context import Context
from envc.pipeline.overlay import OverlayOptions, create, default_folder
from envc.pipeline.planning import environment_of
from envc.pipeline.site import load_overlay

# Variables of other tools that would put something in front of the stack.
_SHADOWING = ("PYTHONPATH", "LD_LIBRARY_PATH")
_DROPPED = ("PYTHONHOME", "PYTHONUSERBASE", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Which stack: a common layer, an overlay's folder, or (neither) the user's own overlay."""

    layer: str | None = None
    overlay: str | None = None
    target: str | None = None


def prepare(
    options: RunOptions, surroundings: Mapping[str, str], context: Context
) -> dict[str, str]:
    """The environment to run a command in; the user's overlay is created at first use.

    Raises:
        UsageError: nothing is materialized there.
    """
    if options.layer is not None:
        target = open_target(find_target(options.target, None))
        tree = _tree(target.directory, target.current, options.layer)
        layer = options.layer
    else:
        folder = options.overlay or default_folder(None, options.target)
        if not os.path.exists(f"{folder}/{OVERLAY_SPEC}") and options.overlay is None:
            create(OverlayOptions(folder=folder, target=options.target), None, context)
        target, tree, layer = _overlay(folder, options)
    for name in _SHADOWING:
        if surroundings.get(name):
            context.reporter.warn(f"{name} is set, and goes before the stack: {surroundings[name]}")
    return _environment(target, tree, layer, surroundings)


def replace_process(command: list[str], environment: dict[str, str]) -> None:
    """Become the command.

    Raises:
        OutsideError: it is not found, or cannot be run.
    """
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        raise OutsideError(
            f"{command[0]} cannot be run: {error.strerror}",
            where=environment["VIRTUAL_ENV"],
            mend="check the command's name; the stack's own are in its bin folder",
        ) from error


def _overlay(folder: str, options: RunOptions) -> tuple[Target, str, str]:
    folder = os.path.abspath(folder)
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.current()
    if current is None:
        raise UsageError(
            "no overlay is built here", where=folder, mend=f"run `envc overlay sync --dir {folder}`"
        )
    location = read_location(folder)
    target = open_target(location.target if location else find_target(options.target, folder))
    spec = load_overlay(f"{folder}/{OVERLAY_SPEC}")
    return target, directory.tree(current.generation, spec.name), spec.base


def _tree(directory: Directory, current: Generation, layer: str) -> str:
    if layer not in current.layers:
        raise UsageError(
            f"layer {layer!r} is not materialized here",
            where=directory.path,
            mend=f"use {', '.join(current.layers)}",
        )
    return directory.tree(current.generation, layer)


def _environment(
    target: Target, tree: str, layer: str, surroundings: Mapping[str, str]
) -> dict[str, str]:
    environment = {k: v for k, v in surroundings.items() if k not in _DROPPED}
    environment |= dict(environment_of(target.site.spec, layer))
    environment["PATH"] = f"{tree}/bin:{surroundings.get('PATH', os.defpath)}"
    environment["VIRTUAL_ENV"] = tree
    environment["ENVC_TARGET"] = target.directory.path
    return environment
