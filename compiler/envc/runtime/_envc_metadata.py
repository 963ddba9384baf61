"""The metadata of masked bases: loaded when a process first asks for distributions."""

import importlib.metadata
import re
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Protocol

    class Layer(Protocol):
        """What is needed of a layer: `_envc_start.Layer` says what the parts are."""

        folder: str
        distributions: list[tuple[str, str]]


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
