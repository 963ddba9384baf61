"""Metadata that the data file knows: loaded when a process first asks for distributions."""

import importlib.metadata
import re
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Protocol

    class Layer(Protocol):
        """What is needed of a layer: `_envc_start.Layer` says what the parts are."""

        folder: str
        entry: str
        distributions: list[tuple[str, str]]


def indexed_distributions(
    own: "Layer",
    ordinary: "Callable[[Any], Iterator[importlib.metadata.Distribution]]",
    context: "importlib.metadata.DistributionFinder.Context | None",
) -> "Iterator[importlib.metadata.Distribution]":
    """What `ordinary` finds on the context's path, the layer's own from its records instead."""
    context = context or importlib.metadata.DistributionFinder.Context()
    rest: list[str] = []
    for entry in map(str, context.path):
        if entry != own.entry:
            rest.append(entry)
            continue
        yield from ordinary(with_path(context, rest))
        yield from visible_distributions({own.entry: own}, with_path(context, [entry]))
        rest = []
    yield from ordinary(with_path(context, rest))


def with_path(
    context: "importlib.metadata.DistributionFinder.Context", path: list[str]
) -> "importlib.metadata.DistributionFinder.Context":
    """The context, for these entries."""
    return type(context)(**{**vars(context), "path": path})


def visible_distributions(
    bases: "Mapping[str, Layer]", context: "importlib.metadata.DistributionFinder.Context | None"
) -> "Iterator[importlib.metadata.PathDistribution]":
    """The visible distributions of the bases whose entries are on the context's path, each once.

    `bases` maps entries of `sys.path` to layers. With a name in the context: those of that project.
    The distributions are of the class that the asking library has itself: the standard library's,
    or that of a copy of `importlib_metadata`.
    """
    asker = sys.modules.get(type(context).__module__)
    distribution = getattr(asker, "PathDistribution", importlib.metadata.PathDistribution)
    context = context or importlib.metadata.DistributionFinder.Context()
    wanted = re.sub(r"[-_.]+", "-", context.name).lower() if context.name else None
    for entry in dict.fromkeys(map(str, context.path)):
        if (layer := bases.get(entry)) is not None:
            for project, folder in layer.distributions:
                if wanted in (None, project):
                    yield distribution(Path(layer.folder, folder))
