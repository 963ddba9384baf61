"""Metadata that the data file knows: loaded when a process first asks for distributions."""

import functools
import importlib.metadata
import re
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from envc.runtime._envc_stack import Layer


def indexed_distributions(
    layers: "Mapping[str, Layer]",
    ordinary: "Callable[[Any], Iterator[importlib.metadata.Distribution]]",
    context: "importlib.metadata.DistributionFinder.Context | None",
) -> "Iterator[importlib.metadata.Distribution]":
    """What `ordinary` finds on the context's path; for the entries of layers, by their records."""
    context = context or importlib.metadata.DistributionFinder.Context()
    rest: list[str] = []
    for entry in dict.fromkeys(map(str, context.path)):
        if (layer := layers.get(entry)) is None:
            rest.append(entry)
            continue
        yield from ordinary(with_path(context, rest))
        yield from visible_distributions(layer, context)
        rest = []
    yield from ordinary(with_path(context, rest))


def with_path(
    context: "importlib.metadata.DistributionFinder.Context", path: list[str]
) -> "importlib.metadata.DistributionFinder.Context":
    """The context, for these entries."""
    return type(context)(**{**vars(context), "path": path})


def visible_distributions(
    layer: "Layer", context: "importlib.metadata.DistributionFinder.Context"
) -> "Iterator[importlib.metadata.PathDistribution]":
    """The layer's visible distributions; with a name in the context: those of that project.

    They are of the class that the asking library has itself: the standard library's, or that of a
    copy of `importlib_metadata`.
    """
    asker = sys.modules.get(type(context).__module__)
    distribution = indexed(getattr(asker, "PathDistribution", importlib.metadata.PathDistribution))
    wanted = re.sub(r"[-_.]+", "-", context.name).lower() if context.name else None
    for project, folder in layer.distributions:
        if wanted in (None, project):
            yield distribution(Path(layer.folder, folder), layer.points.get(project))


@functools.cache
def indexed(distribution: "Any") -> "Any":
    """A class of distributions like that one, which may know its entry points without a look."""

    class IndexedDistribution(distribution):  # type: ignore[misc] # Any: of whichever library asks
        def __init__(self, path: Path, points: "str | None") -> None:
            super().__init__(path)
            self._points = points

        def read_text(self, filename: str) -> "str | None":
            """The text of a file of the metadata, or None."""
            if filename == "entry_points.txt" and self._points is not None:
                return self._points or None
            text: str | None = super().read_text(filename)
            return text

        def _has_metadata(self) -> bool:
            return True  # the backport asks; a stored wheel has it

    return IndexedDistribution
