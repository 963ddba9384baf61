"""A layer's spec and what it stands on, as the problem that `resolve` answers."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import SpecError
from envc.lock.base import Base
from envc.model.policy import ShadowPolicy
from envc.model.resolution import InheritedPin, Problem, Resolution
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec
from envc.model.target import Target


class ProblemOf(Protocol):
    """What one layer asks for, on whatever targets: `layer_problem` or `overlay_problem` of it."""

    def __call__(
        self, *, targets: tuple[Target, ...], preferred: Mapping[NormalizedName, Version]
    ) -> Problem:
        """The problem on these targets, the preferred versions first."""


def layer_problem(
    site: SiteSpec,
    layer: LayerSpec,
    *,
    base: Base,
    targets: tuple[Target, ...],
    preferred: Mapping[NormalizedName, Version],
) -> Problem:
    """What a common layer asks for on some targets."""
    return Problem(
        layer=f"layer {layer.name}",
        targets=targets,
        roots=layer.requires,
        constraints=(*layer.constraints, *base.constraints, *base.protection(layer.replace)),
        overrides=(*layer.overrides, *base.overrides),
        kept=base.kept,
        inherited=base.visible_pins(targets),
        preferred=preferred,
        policy=site.resolver,
    )


def overlay_problem(
    site: SiteSpec,
    overlay: OverlaySpec,
    *,
    base: Base,
    targets: tuple[Target, ...],
    preferred: Mapping[NormalizedName, Version],
    inherited: tuple[InheritedPin, ...] | None = None,
) -> Problem:
    """What an overlay asks for on some targets; `inherited` where the base's pins are at hand.

    Raises:
        SpecError: it wants a laxer shadow policy than the site's.
    """
    return Problem(
        layer=f"overlay {overlay.name}",
        targets=targets,
        roots=overlay.requires,
        constraints=(*overlay.constraints, *base.constraints, *base.protection(overlay.replace)),
        overrides=base.overrides,
        kept=base.kept,
        inherited=base.visible_pins(targets) if inherited is None else inherited,
        together=base.together,
        hide=frozenset(overlay.hide),
        can_hide=True,
        preferred=preferred,
        policy=site.resolver,
        shadow=_stricter(site, overlay),
    )


def _stricter(site: SiteSpec, overlay: OverlaySpec) -> ShadowPolicy:
    if site.overlays.shadow == "never" and overlay.shadow == "coherent":
        raise SpecError(
            'shadow = "coherent" is laxer than the site\'s "never"',
            where=f"{overlay.file} (overlay.shadow)",
            mend='remove it, or have the site allow shadow = "coherent"',
        )
    return overlay.shadow or site.overlays.shadow


def beside(problem: Problem, others: Iterable[Resolution]) -> Problem:
    """The problem on some targets of a layer, what was found for others preferred as well."""
    pins = {pin.project: pin.version for found in others for pin in found.own()}
    return replace(problem, elsewhere=pins)


def visible_problem(site: SiteSpec, base: Base, targets: tuple[Target, ...]) -> Problem:
    """What is visible on `base`, as a problem that its pins solve: nothing is chosen anew.

    Resolving it asks no index; it gives the pins their metadata and their edges.
    """
    return Problem(
        layer=f"layer {base.layer}",
        targets=targets,
        roots=(),
        overrides=base.overrides,
        kept=base.kept,
        inherited=base.visible_pins(targets),
        policy=site.resolver,
    )
