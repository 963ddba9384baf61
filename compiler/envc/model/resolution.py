"""What is to be resolved, and the pins that come out: one layer, one kind of machine."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias, TypeVar

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.policy import ShadowPolicy
from envc.model.release import CoreMetadata, Distribution
from envc.model.spec import ResolverSpec, SourcedRequirement
from envc.model.target import Target
from envc.model.value import field, value


@value(kw_only=True)
class InheritedPin:
    """A release that the base already installs: one distribution for each target, in order."""

    project: NormalizedName
    version: Version
    distributions: tuple[Distribution, ...]
    layer: str


Name = TypeVar("Name", bound=str)
Group: TypeAlias = tuple[NormalizedName, ...]


@value(kw_only=True)
class Problem:
    """What one layer asks for on `targets`, which no marker tells apart: they share every pin.

    `roots` are the layer's own requirements, `kept` those of the specs below it, whose version
    specifiers bind only there. `constraints` and `overrides` are the layer's and its bases'.
    `inherited` are the base's pins, `preferred` the versions of the layer's present lock,
    `elsewhere` those that were found for its other targets.
    `together` are groups of inherited projects that can only be replaced as a whole.
    `directs` are the projects that lines of the layer's spec name by a URL or a path, with that.
    `can_hide` tells whether the layer's spec has a `hide`: an overlay's.
    """

    layer: str
    targets: tuple[Target, ...]
    roots: tuple[SourcedRequirement, ...]
    constraints: tuple[SourcedRequirement, ...] = ()
    overrides: tuple[SourcedRequirement, ...] = ()
    kept: tuple[SourcedRequirement, ...] = ()
    inherited: tuple[InheritedPin, ...] = ()
    together: tuple[Group, ...] = ()
    directs: Mapping[NormalizedName, str] = field(default_factory=dict)
    hide: frozenset[NormalizedName] = frozenset()
    can_hide: bool = False
    preferred: Mapping[NormalizedName, Version] = field(default_factory=dict)
    elsewhere: Mapping[NormalizedName, Version] = field(default_factory=dict)
    policy: ResolverSpec = field(default_factory=ResolverSpec)
    shadow: ShadowPolicy = "coherent"

    @property
    def markers(self) -> Mapping[str, str]:
        """The marker environment that the targets share."""
        return self.targets[0].markers


@value(kw_only=True)
class Pin:
    """A chosen release: its distribution for each target, and its metadata.

    `extras` are those that somebody asks for; `requires` the projects that this pin needs here,
    in order of name. `layer` is the base layer it is inherited from, None for the layer's own.
    """

    project: NormalizedName
    version: Version
    distributions: tuple[Distribution, ...]
    metadata: CoreMetadata
    extras: tuple[NormalizedName, ...] = ()
    requires: tuple[NormalizedName, ...] = ()
    layer: str | None = None


@value(kw_only=True)
class Resolution:
    """All visible pins of a stack for one problem, in order of project.

    `shadows` and `lifts` are the base's projects that the layer re-pins, `hides` those that are
    invisible above it: given up by its spec, or left inconsistent with nobody requiring them.
    """

    problem: Problem
    pins: tuple[Pin, ...]
    shadows: tuple[NormalizedName, ...] = ()
    lifts: tuple[NormalizedName, ...] = ()
    hides: tuple[NormalizedName, ...] = ()

    def own(self) -> tuple[Pin, ...]:
        """The pins that the layer itself installs."""
        return tuple(pin for pin in self.pins if pin.layer is None)

    def adds(self) -> tuple[NormalizedName, ...]:
        """The projects of the layer's own pins that the base does not have."""
        replaced = {*self.shadows, *self.lifts}
        return tuple(pin.project for pin in self.own() if pin.project not in replaced)

    def unknown_extras(self) -> tuple[str, ...]:
        """A sentence for each extra that is asked of a pin of the layer, and that it does not have.

        Not an error: releases drop extras that have become needless (core metadata specification).
        """
        return tuple(
            f"{pin.project} {pin.version} has no extra {extra!r}"
            for pin in self.own()
            for extra in pin.extras
            if extra not in pin.metadata.extras
        )


def reach(projects: Iterable[Name], ways: Mapping[Name, Iterable[Name]]) -> frozenset[Name]:
    """The projects, and all that the ways lead to from them, circles or not."""
    found: set[Name] = set()
    waiting = list(projects)
    while waiting:
        project = waiting.pop()
        if project not in found:
            found.add(project)
            waiting += ways.get(project, ())
    return frozenset(found)
