"""Digests that say whether a lock still belongs to what it was made from."""

import re
from typing import Any

from envc.lock.base import Base
from envc.model.digest import Digest, digest_of_json
from envc.model.lock import LOCK_FORMAT
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec, SourcedRequirement


def layer_inputs(site: SiteSpec, layer: LayerSpec, base: Base) -> Digest:
    """The digest of everything that decides a common layer's lock, but for the index's answers.

    The order of requirements does not count, nor does the machine that locks: which one a site
    without targets was locked on stands in the lock itself.
    """
    return digest_of_json(
        {
            **_site_inputs(site),
            **_base_inputs(base, layer),
            "layer": layer.name,
            "requires": _texts(layer.requires),
            "constraints": _texts(layer.constraints),
            "overrides": _texts(layer.overrides),
        }
    )


def overlay_inputs(site: SiteSpec, overlay: OverlaySpec, base: Base) -> Digest:
    """The digest of everything that decides an overlay's lock, but for the index's answers.

    Of editable projects it has the paths; what stands there only their owner's machine can tell.
    """
    editable = sorted({sourced.path for sourced in overlay.editable})
    return digest_of_json(
        {
            **_site_inputs(site),
            **_base_inputs(base, overlay),
            "overlay": overlay.name,
            "requires": _texts(overlay.requires),
            "constraints": _texts(overlay.constraints),
            "hide": sorted(overlay.hide),
            "shadow": [site.overlays.shadow, overlay.shadow],
            **({"editable": editable} if editable else {}),
        }
    )


def _base_inputs(base: Base, above: LayerSpec | OverlaySpec) -> dict[str, Any]:
    held = base.protection(above.replace)
    return {
        "base": base.closure,
        "below": [_texts(base.kept), _texts(base.constraints), _texts(base.overrides)],
        **({"held": _texts(held)} if held else {}),
    }


def _site_inputs(site: SiteSpec) -> dict[str, Any]:
    policy = site.resolver
    return {
        "format": LOCK_FORMAT,
        "python": site.core.python,
        **({"core": site.core.archive.digest} if site.core.archive is not None else {}),
        "targets": sorted(
            [target.name, target.platform, target.libc, target.cpu or ""]
            for target in site.targets
            if site.names_targets
        ),
        "indexes": [[i.name, _without_login(i.url), i.path, i.explicit] for i in site.indexes],
        "sources": site.sources,
        "resolver": [
            policy.prereleases,
            policy.exclude_newer.isoformat() if policy.exclude_newer else None,
            policy.resolution,
            policy.no_build,
            policy.no_binary,
            *([policy.prerelease_by_project] if policy.prerelease_by_project else []),
        ],
    }


def _without_login(url: str | None) -> str | None:
    """A password decides no lock, and may change: not even its digest is written."""
    return re.sub(r"//[^/?#]*@", "//", url) if url is not None else None


def _texts(requirements: tuple[SourcedRequirement, ...]) -> list[str]:
    return sorted({str(sourced.requirement) for sourced in requirements})
