"""What a site says about overlays, checks, retaining and keys: one for a whole target."""

from envc.model.spec import FindingRule, LayerMode, OverlaysSpec, RetainSpec, SiteSpec
from envc.model.value import replace, value

POLICY_FORMAT = 1


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


def policy_of(site: SiteSpec) -> Policy:
    """The policy that a spec states."""
    return Policy(
        site=site.name,
        modes={layer.name: layer.mode for layer in site.layers},
        overlays=site.overlays,
        retain=site.retain,
        check=site.check,
        keys=site.keys,
    )


def under_policy(site: SiteSpec, policy: Policy) -> SiteSpec:
    """The spec of a generation, with the policy that its target has now."""
    return replace(
        site,
        name=policy.site,
        layers=tuple(
            replace(layer, mode=policy.modes.get(layer.name, layer.mode)) for layer in site.layers
        ),
        overlays=policy.overlays,
        retain=policy.retain,
        check=policy.check,
        keys=policy.keys,
    )
