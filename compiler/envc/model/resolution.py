"""The pins of one layer for one target."""

from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.release import CoreMetadata, Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A chosen release: its distribution for the target, the extras asked for, its metadata.

    `requires` names the projects that this pin needs on the target, in order of name.
    """

    project: NormalizedName
    version: Version
    distribution: Distribution
    metadata: CoreMetadata
    extras: tuple[NormalizedName, ...] = ()
    requires: tuple[NormalizedName, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """All pins of a stack for one target, in order of project.

    `inherited` are the projects whose pin is the base's own; the others belong to the layer
    itself. For a layer on the core nothing is inherited.
    """

    target: str
    pins: tuple[Pin, ...]
    inherited: frozenset[NormalizedName] = frozenset()
    shadows: tuple[NormalizedName, ...] = ()
    lifts: tuple[NormalizedName, ...] = ()
    orphans: tuple[NormalizedName, ...] = ()

    def pin(self, project: NormalizedName) -> Pin | None:
        """The pin of that project, or None."""
        return next((pin for pin in self.pins if pin.project == project), None)
