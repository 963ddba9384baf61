"""What a layer stands on: the locks below it, and what their specs still demand above them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import InternalError
from envc.lock.select import inherited_pins
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import Lock
from envc.model.resolution import Group, InheritedPin
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec, SourcedRequirement
from envc.model.target import Target
from envc.model.value import replace, value

if TYPE_CHECKING:
    from envc.model.inventory import Inventory
    from envc.model.release import CoreMetadata


@value(kw_only=True)
class Base:
    """The stack below a layer. `locks` are top first, none for the core.

    Below them may be an environment that envc did not build, of which there is an `inventory`.

    `layer` and `closure` name the top of it. `kept` are the requirements of the specs below,
    `constraints` and `overrides` bind every layer above. `together` are groups of projects that
    share a package directory, where the contents of the wheels are known; each in order of name.
    Of the environment, `environment` is the name of its layer, `held` what holds its compiled
    projects where they are, and `replaceable` those that who names them may replace (None: all).
    """

    layer: str
    closure: Digest | None
    locks: tuple[Lock, ...] = ()
    inventory: "Inventory | None" = None
    kept: tuple[SourcedRequirement, ...] = ()
    constraints: tuple[SourcedRequirement, ...] = ()
    overrides: tuple[SourcedRequirement, ...] = ()
    together: tuple[Group, ...] = ()
    environment: str = ""
    held: tuple[SourcedRequirement, ...] = ()
    replaceable: frozenset[NormalizedName] | None = None

    @property
    def interpreter(self) -> str | None:
        """The interpreter of the environment at the bottom; None: it is the core."""
        return self.inventory.interpreter if self.inventory is not None else None

    def protection(self, named: Iterable[NormalizedName]) -> tuple[SourcedRequirement, ...]:
        """What holds compiled projects against a layer above that may replace the `named` ones."""
        free = frozenset(named)
        if self.replaceable is not None:
            free &= self.replaceable
        return tuple(each for each in self.held if _project(each) not in free)

    def named(self) -> Digest:
        """The closure digest of the top layer.

        Raises:
            InternalError: this is the core, which has no lock.
        """
        if self.closure is None:
            raise InternalError(f"{self.layer} has no closure digest")
        return self.closure

    def visible_pins(self, targets: tuple[Target, ...]) -> tuple[InheritedPin, ...]:
        """What a layer above sees of every layer below, in order of project."""
        covered: set[NormalizedName] = set()
        pins: list[InheritedPin] = []
        for lock in self.locks:
            own = inherited_pins(lock, targets)
            pins += [pin for pin in own if pin.project not in covered]
            covered |= {pin.project for pin in own} | set(lock.hides)
        if self.inventory is not None:
            from envc.lock.described import described_pins  # few stacks stand on such a thing

            there = described_pins(self.inventory, targets, self.environment)
            pins += [pin for pin in there if pin.project not in covered]
        return tuple(sorted(pins, key=lambda pin: pin.project))

    def metadata(self) -> "dict[str, CoreMetadata]":
        """URL of a distribution that no index has → its metadata."""
        if self.inventory is None:
            return {}
        from envc.lock.described import known_metadata

        return known_metadata(self.inventory)


CORE_BASE = Base(layer="core", closure=None)


def on_layer(site: SiteSpec, name: str, *, base: Base, lock: Lock, lock_digest: Digest) -> Base:
    """What stands on a common layer; `base` is what that layer itself stands on."""
    spec = next(layer for layer in site.layers if layer.name == name)
    above = _above(site, spec, base, lock, lock_digest)
    return replace(above, overrides=(*spec.overrides, *base.overrides))


def on_overlay(
    site: SiteSpec, spec: OverlaySpec, *, base: Base, lock: Lock, lock_digest: Digest
) -> Base:
    """What stands on an overlay; `base` is what that overlay itself stands on.

    What the overlay hides, no layer above it is promised.
    """
    above = _above(site, spec, base, lock, lock_digest)
    kept = (s for s in above.kept if canonicalize_name(s.requirement.name) not in spec.hide)
    return replace(above, kept=tuple(kept))


def _above(
    site: SiteSpec, spec: LayerSpec | OverlaySpec, base: Base, lock: Lock, lock_digest: Digest
) -> Base:
    own = {pin.project for pin in lock.pins}.union(lock.hides) if base.held else ()
    return replace(
        base,
        layer=spec.name,
        closure=closure_digest(site.core.python, lock_digest, base.closure),
        locks=(lock, *base.locks),
        kept=(*spec.requires, *base.kept),
        constraints=(*spec.constraints, *base.constraints),
        together=(),
        held=tuple(each for each in base.held if _project(each) not in own),
    )


def _project(sourced: SourcedRequirement) -> NormalizedName:
    return canonicalize_name(sourced.requirement.name)


def closure_digest(python: str, lock: Digest, base: Digest | None) -> Digest:
    """The name of a layer on any node: its lock, its base's closure, and the core."""
    return digest_of_json({"core": f"cpython-{python}", "lock": lock, "base": base})
