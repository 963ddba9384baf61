"""What a check needs of a base, computed once for all overlays on it."""

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from envc.check import Inventory, inventory_of, layer_collisions
from envc.errors import Fault
from envc.lock import Base, locked_wheel, shared_packages, target_groups, visible_problem
from envc.locking.overlay_resolution import Edges, edges_of
from envc.model.finding import Finding
from envc.model.lock import LockedWheel
from envc.model.release import CoreMetadata, Distribution
from envc.model.resolution import Group, InheritedPin
from envc.model.spec import SiteSpec
from envc.model.target import Target
from envc.model.value import field, replace, value
from envc.model.wheel import Unknown, WheelContents
from envc.ports import CandidateSource
from envc.resolve import resolve
from envc.supply.contents import ContentsSource
from envc.supply.given import GivenSource


@value
class KnownBase:
    """A base as overlays on it see it. `inventories` are in the order of the site's target groups.

    `pins` are its visible pins, for each group of targets. `unknown` are the base's wheels that
    could not be looked into, `collisions` what is wrong with its common layers. `metadata` is that
    of what stands in an environment, by its URL.
    """

    site: SiteSpec
    base: Base
    inventories: tuple[tuple[Target, Inventory], ...]
    pins: tuple[tuple[InheritedPin, ...], ...]
    unknown: tuple[Unknown, ...]
    collisions: tuple[Finding, ...] = ()
    metadata: Mapping[str, CoreMetadata] = field(default_factory=dict)

    def inventory(self) -> Inventory:
        """The inventory on the first target: for what is told of the overlay as a whole."""
        return self.inventories[0][1]

    def edges(self, source: CandidateSource) -> tuple[Edges, ...]:
        """For each group of targets: who requires whom on the base; it is resolved for that."""
        groups = target_groups(self.site.targets)
        problems = (visible_problem(self.site, self.base, group) for group in groups)
        known = GivenSource(source, known=self.metadata) if self.metadata else source
        return tuple(edges_of(resolve(problem, known)) for problem in problems)

    def wheel(self, project: NormalizedName, target: Target) -> LockedWheel | None:
        """The wheel that the base has of a project on a target; None: it has none."""
        for group in target_groups(self.site.targets):
            if target in group:
                pin = dict(self.inventories)[target].pins.get(project)
                file = pin.distributions[group.index(target)] if pin is not None else None
                return locked_wheel(file) if file is not None and file.digest else None
        return None


def known_base(
    site: SiteSpec, base: Base, contents: ContentsSource, *, folder: str | None = None
) -> KnownBase:
    """A base on the site's targets, its wheels looked into.

    `folder` is that of an overlay on another one, whose wheels are waited for as its own.

    Raises:
        SpecError: the base has no wheel of a project for a target.
    """
    inventories: list[tuple[Target, Inventory]] = []
    unknown: dict[str, Unknown] = {}
    together: set[Group] = set()
    collisions: dict[Finding, None] = {}
    groups = target_groups(site.targets)
    visible = tuple(base.visible_pins(group) for group in groups)
    for group, pins in zip(groups, visible, strict=True):
        for place, target in enumerate(group):
            wheels = (locked_wheel(each) for each in _locked(pins, place))
            found = contents.contents(wheels, folder=folder)
            known = [each for each in found.values() if isinstance(each, WheelContents)]
            described = dict(_described(base, pins))
            known += [each for each in described.values() if isinstance(each, WheelContents)]
            grade = "files" if base.inventory is None else base.inventory.known()
            inventories.append((target, inventory_of(pins, known, grade)))
            collisions |= dict.fromkeys(_collisions(site, pins, known))
            together.update(shared_packages(each.facts for each in known))
            looked = (*found.values(), *described.values())
            unknown |= {each.project: each for each in looked if isinstance(each, Unknown)}
    whole = replace(base, together=tuple(sorted(together)))
    return KnownBase(
        site,
        whole,
        tuple(inventories),
        visible,
        tuple(unknown.values()),
        tuple(collisions),
        base.metadata(),
    )


def _locked(pins: Iterable[InheritedPin], place: int) -> Iterator[Distribution]:
    """The files that a lock has; what stands in an environment has none."""
    files = (pin.distributions[place] for pin in pins)
    return (file for file in files if file.digest is not None)


def _described(
    base: Base, pins: Iterable[InheritedPin]
) -> Iterator[tuple[NormalizedName, WheelContents | Unknown]]:
    """What is known of the contents of projects that stand in an environment."""
    if base.inventory is None:
        return
    from envc.lock.described import contents_of  # few stacks stand on such a thing

    known = contents_of(base.inventory)
    for pin in pins:
        if pin.layer == base.environment:
            what = f"nothing tells which files of {base.inventory.python} are those of it"
            mend = "describe the environment where it stands, with its files: `envc describe`"
            fault = Fault(what, pin.distributions[0].url, mend)
            unknown = Unknown(str(pin.project), fault, lasts=True)
            yield pin.project, known.get(pin.project) or unknown


def _collisions(
    site: SiteSpec, pins: Iterable[InheritedPin], known: Iterable[WheelContents]
) -> Iterator[Finding]:
    """What the projects of one common layer install twice, differently; the lowest layer first."""
    layer_of = {pin.project: pin.layer for pin in pins}
    for layer in site.layers:
        own = [each for each in known if layer_of.get(each.facts.project) == layer.name]
        yield from layer_collisions(layer.name, site.file, own)
