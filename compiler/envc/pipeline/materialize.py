"""`envc materialize`: what the locks describe, as a generation of a target directory.

The path that runs on every node, every time, is short: compare bytes and be done. Where something
is to be done, what was planned before for the same specs and locks is carried out again; only a
plan that nobody has made yet brings in parsers, stores and views (`planning`).
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envc.materialize.directory import Directory, Shape
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.pipeline.context import Context
from envc.pipeline.place import find_site

if TYPE_CHECKING:
    from envc.materialize.build import LinkMode
    from envc.model.publication import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterializeOptions:
    """What to materialize and from where; `layers` empty: all."""

    target: str
    layers: tuple[str, ...] = ()
    source: str | None = None
    link_mode: "LinkMode" = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """A layer's tree in the report."""

    digest: Digest
    closure: Digest
    distributions: int
    files: int
    linked: int
    copied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterializeReport:
    """What `envc materialize` did, or found done."""

    target: str
    generation: int
    digest: Digest
    changed: bool
    layers: dict[str, LayerReport]


def materialize(
    site: str | None, options: MaterializeOptions, context: Context
) -> MaterializeReport:
    """Build the generation that the site's locks describe and switch to it.

    `site` is the folder given, None for the nearest.

    Raises:
        UsageError: a lock is missing, the target is somebody else's, or this machine is no
            target of the locks.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock or is hostile; nothing is switched.
        OutsideError: disk or network; nothing is switched.
    """
    directory = Directory(os.path.abspath(options.target), Shape.TARGET)
    folder, spec_name = find_site(site)
    current = directory.current()
    whole = not options.layers
    if whole and current is not None and _is_current(folder, spec_name, directory, current):
        return report_of(directory, current, changed=False)
    directory.refuse_foreign()

    from envc.disk.locks import shared
    from envc.materialize.publish import make_directory, publish
    from envc.store.store import Store

    make_directory(directory)
    with shared(directory.store_lock):
        generation, changed = publish(
            directory,
            _publication(folder, spec_name, directory, options, context),
            Store(directory.store),
            link_mode=options.link_mode,
            reporter=context.reporter,
        )
    return report_of(directory, generation, changed=changed)


def _publication(
    folder: str,
    spec_name: str,
    directory: Directory,
    options: MaterializeOptions,
    context: Context,
) -> "Publication":
    """What to publish: planned before, or now, with the store filled."""
    from envc.pipeline.planned import load_plan, plan_key, save_plan

    current = directory.current()
    key = None if options.layers else plan_key(folder, spec_name, directory, current)
    kept = load_plan(directory, key) if key is not None else None
    if kept is not None:
        return kept

    from envc.pipeline.planning import plan_site

    publication = plan_site(
        folder,
        spec_name,
        directory,
        layers=options.layers,
        wheelhouse=options.source,
        context=context,
    )
    save_plan(directory, key or publication.digest(), publication)
    return publication


def _is_current(folder: str, spec_name: str, directory: Directory, current: Generation) -> bool:
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


def report_of(directory: Directory, generation: Generation, *, changed: bool) -> MaterializeReport:
    """A generation as a report."""
    return MaterializeReport(
        target=directory.path,
        generation=generation.generation,
        digest=generation.digest,
        changed=changed,
        layers={
            name: LayerReport(
                digest=layer.digest,
                closure=layer.closure,
                distributions=layer.distributions,
                files=layer.files,
                linked=layer.linked,
                copied=layer.copied,
            )
            for name, layer in generation.layers.items()
        },
    )
