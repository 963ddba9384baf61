"""What a site says about overlays, checks, retaining and keys: one for a whole target."""

from typing import Literal

from envc.model.value import value

POLICY_FORMAT = 1

LayerMode = Literal["open", "managed"]
ShadowPolicy = Literal["never", "coherent"]
Treatment = Literal["error", "warning", "ignore"]


@value(kw_only=True)
class OverlaysSpec:
    """`[overlays]`: where they live, which specs CI checks, and what they may replace."""

    storage: str | None = None
    specs: tuple[str, ...] = ()
    shadow: ShadowPolicy = "coherent"


@value
class FindingRule:
    """How findings of a code are treated, and why; only overlays have to give a reason."""

    code: str
    treatment: Treatment
    reason: str = ""


@value(kw_only=True)
class RetainSpec:
    """How many generations of common layers a node keeps, and for how many days."""

    generations: int = 2
    days: int = 30


@value(kw_only=True)
class Policy:
    """The part of a spec that holds for a whole target: a roll-back brings no old one back.

    `modes` has every layer of the spec; a `managed` one carries no overlay.
    """

    site: str
    modes: dict[str, LayerMode]
    overlays: OverlaysSpec
    retain: RetainSpec
    check: tuple[FindingRule, ...]
    keys: tuple[str, ...]
