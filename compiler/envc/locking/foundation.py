"""What a check needs of a base, computed once for all overlays on it."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from urllib.parse import unquote

from packaging.utils import NormalizedName

from envc.check import Ground, survey
from envc.lock import Base, shared_packages, target_groups, visible_problem
from envc.locking.overlay_resolution import Edges, edges_of
from envc.model.contents import Unknown, WheelContents
from envc.model.lock import LockedWheel
from envc.model.release import Distribution
from envc.model.resolution import Group, InheritedPin
from envc.model.spec import SiteSpec
from envc.model.target import Target
from envc.model.value import value
from envc.ports import CandidateSource
from envc.resolve import resolve
from envc.supply.contents import ContentsSource


@value(slots=False)
class Foundation:
    """A base as overlays on it see it. `grounds` are in the order of the site's target groups.

    `unknown` are the base's wheels that could not be looked into.
    """

    site: SiteSpec
    base: Base
    grounds: tuple[tuple[Target, Ground], ...]
    unknown: tuple[Unknown, ...]

    def ground(self) -> Ground:
        """The ground on the first target: for what is told of the overlay as a whole."""
        return self.grounds[0][1]

    def edges(self, source: CandidateSource) -> tuple[Edges, ...]:
        """For each group of targets: who requires whom on the base; resolved once."""
        if not self._edges:
            for group in target_groups(self.site.targets):
                found = resolve(visible_problem(self.site, self.base, group), source)
                self._edges.append(edges_of(found))
        return tuple(self._edges)

    @cached_property
    def _edges(self) -> list[Edges]:
        return []

    @cached_property
    def pins(self) -> tuple[tuple[InheritedPin, ...], ...]:
        """For each group of targets: the base's visible pins."""
        groups = target_groups(self.site.targets)
        return tuple(self.base.visible_pins(group) for group in groups)

    def wheel(self, project: NormalizedName, target: Target) -> LockedWheel | None:
        """The wheel that the base has of a project on a target; None: it has none."""
        for group in target_groups(self.site.targets):
            if target in group:
                ground = next(ground for each, ground in self.grounds if each is target)
                pin = ground.pins.get(project)
                return locked(pin.distributions[group.index(target)]) if pin else None
        return None


def lay_foundation(site: SiteSpec, base: Base, contents: ContentsSource) -> Foundation:
    """The foundation that a base makes on the site's targets.

    Raises:
        SpecError: the base has no wheel of a project for a target.
    """
    grounds: list[tuple[Target, Ground]] = []
    unknown: dict[str, Unknown] = {}
    together: set[Group] = set()
    for group in target_groups(site.targets):
        pins = base.visible_pins(group)
        for place, target in enumerate(group):
            found = contents.contents(locked(pin.distributions[place]) for pin in pins)
            known = _known(found.values())
            grounds.append((target, survey(pins, known)))
            together.update(shared_packages(each.facts for each in known))
            unknown |= {each.project: each for each in found.values() if isinstance(each, Unknown)}
    whole = replace(base, together=tuple(sorted(together)))
    return Foundation(site, whole, tuple(grounds), tuple(unknown.values()))


def locked(file: Distribution) -> LockedWheel:
    """A distribution of a lock as the lock has it. Those of locks have a digest, all of them."""
    local = file.url.startswith("file:")
    if file.digest is None:
        raise ValueError(f"{file.filename} has no digest")
    return LockedWheel(
        filename=file.filename,
        digest=file.digest,
        url=None if local else file.url,
        path=unquote(file.url.removeprefix("file://")) if local else None,
        size_bytes=file.size_bytes,
    )


def _known(found: Iterable[WheelContents | Unknown]) -> list[WheelContents]:
    return [each for each in found if isinstance(each, WheelContents)]
