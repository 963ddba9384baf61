"""What a target is to publish, and whether it has done so already; the way of every materialize."""

import os
from typing import TYPE_CHECKING

from envc.host.context import Context
from envc.model.generation import Generation
from envc.target.directory import Directory

if TYPE_CHECKING:
    from envc.model.publication import Publication
    from envc.target.core import Brought


def publication_for(
    spec: tuple[str, str],
    directory: Directory,
    current: Generation | None,
    layers: tuple[str, ...],
    brought: "Brought",
    context: Context,
) -> "Publication":
    """What to publish: planned before, or now, with the store filled; `spec` is folder and name."""
    from envc.target.planned import load_plan, plan_key, save_plan

    key = None if layers else plan_key(*spec, directory, current)
    kept = load_plan(directory, key) if key is not None else None
    if kept is not None:
        return kept

    from envc.target.planning import plan_site

    publication = plan_site(
        spec, directory, current=current, layers=layers, brought=brought, context=context
    )
    save_plan(directory, key or publication.digest(), publication)
    return publication


def is_current(folder: str, spec_name: str, directory: Directory, current: Generation) -> bool:
    """Whether the current generation was made from exactly these bytes, and can still run."""
    if not os.access(current.interpreter, os.X_OK):
        return False
    for name in (spec_name, *(f"pylock.{layer}.toml" for layer in current.layers)):
        try:
            with open(f"{folder}/{name}", "rb") as file:
                if file.read() != directory.recorded(current.generation, name):
                    return False
        except OSError:
            return False
    return True
