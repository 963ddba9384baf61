"""What a target already holds, and whether that is what is asked for.

This is the path that runs on every node, every time: it parses no spec and imports little.
"""

import os
from dataclasses import dataclass

from envc.materialize.directory import Directory, Shape
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.pipeline.place import find_site


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


def unchanged(site: str | None, target: str) -> MaterializeReport | None:
    """The report of a target that was made from exactly this site's specs and locks; else None.

    Compares bytes: nothing is parsed and nothing is walked.
    """
    directory = Directory(os.path.abspath(target), Shape.TARGET)
    current = directory.current()
    if current is None or not os.access(current.interpreter, os.X_OK):
        return None
    folder, spec_name = find_site(site)
    for name in (spec_name, *(f"pylock.{layer}.toml" for layer in current.layers)):
        try:
            with open(f"{folder}/{name}", "rb") as file:
                if file.read() != directory.recorded(current.generation, name):
                    return None
        except OSError:
            return None
    return report_of(directory, current, changed=False)


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
