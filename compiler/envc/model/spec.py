"""What a site and an overlay ask for, each requirement with the line it stands on."""

import re
from datetime import datetime
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envc.model.digest import Digest
from envc.model.policy import FindingRule, LayerMode, OverlaysSpec, Policy, RetainSpec, ShadowPolicy
from envc.model.target import Target
from envc.model.value import field, replace, value

# Python refuses to read numbers of more than 4300 digits, and nobody means them.
_ENDLESS_DIGITS = 1000

PrereleasePolicy = Literal["allow", "if-necessary", "explicit", "disallow"]
ResolutionMode = Literal["highest", "lowest", "lowest-direct"]


@value
class Origin:
    """Where something was written: file, line (1-based, 0 when unknown) and key path."""

    file: str
    line: int
    key: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} ({self.key})" if self.key else place


@value
class SourcedRequirement:
    """A requirement of a spec and its origin."""

    requirement: Requirement
    origin: Origin


@value
class SourcedPath:
    """A path of a spec as it is written there, and its origin."""

    path: str
    origin: Origin


@value(kw_only=True)
class IndexSpec:
    """A simple index by URL, or a folder of wheels by path (exactly one of the two)."""

    name: str
    url: str | None = None
    path: str | None = None
    explicit: bool = False


@value(kw_only=True)
class CoreArchive:
    """An interpreter's archive: where the spec says that it is, and the digest of its bytes."""

    path: str
    digest: Digest


@value(kw_only=True)
class CoreSpec:
    """The interpreter of every layer: its X.Y, and where nodes have it (None: as envc's own).

    With an `archive`, the site carries it, and `interpreter` is None.
    """

    python: str
    interpreter: str | None = None
    archive: CoreArchive | None = None


@value(kw_only=True)
class OnSpec:
    """An environment that envc did not build, as a spec names it.

    `python` is its interpreter, `paths` what stands in PYTHONPATH for it, `modules` the environment
    modules that it needs.
    """

    python: str
    paths: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


@value(kw_only=True)
class DescribedSpec:
    """The environment that a common layer is: where it stands on nodes, and what is judged of it.

    `file` is the name of its inventory beside the spec. `stands_for` are the releases that its
    versions are judged as. `warns_of_changes`: layers start on it when it has changed, too.
    """

    on: OnSpec
    file: str
    stands_for: tuple[tuple[NormalizedName, str], ...] = ()
    warns_of_changes: bool = False


@value(kw_only=True)
class LayerSpec:
    """A common layer as `envc.toml` asks for it.

    One that is `described` stands for an environment that envc did not build, and adds nothing;
    `replace` are its compiled projects that may be replaced above it. Of a layer on such a one they
    are those that it may replace itself.
    """

    name: str
    base: str
    requires: tuple[SourcedRequirement, ...]
    constraints: tuple[SourcedRequirement, ...] = ()
    overrides: tuple[SourcedRequirement, ...] = ()
    mode: LayerMode = "open"
    env: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    described: DescribedSpec | None = None
    replace: tuple[NormalizedName, ...] = ()


@value(kw_only=True)
class ResolverSpec:
    """How candidates are chosen; `exclude_newer` hides files uploaded at or after it.

    `prereleases` is for projects that `prerelease_by_project` does not name. `no_build`: whether no
    project may be built, or which may not; `no_binary`: whose wheels of the index are not taken.
    """

    prereleases: PrereleasePolicy = "if-necessary"
    prerelease_by_project: tuple[tuple[NormalizedName, PrereleasePolicy], ...] = ()
    exclude_newer: datetime | None = None
    resolution: ResolutionMode = "highest"
    no_build: bool | tuple[NormalizedName, ...] = True
    no_binary: tuple[NormalizedName, ...] = ()

    def may_build(self, project: NormalizedName) -> bool:
        """Whether a wheel of the project may be built here."""
        if isinstance(self.no_build, bool):
            return not self.no_build
        return project not in self.no_build


@value(kw_only=True)
class EngineSpec:
    """`[engine.NAME]`: commands that reach nodes, as words with `{…}` in them.

    `run` has `{command}`, and `{nodes}` or `{node}`; `copy` has `{path}`, `{place}` and one of
    these. A command that names `{nodes}` is called once for all that do the same.
    """

    run: tuple[str, ...]
    copy: tuple[str, ...] = ()


@value(kw_only=True)
class SiteSpec:
    """A whole `envc.toml`. `layers` are in an order in which every base comes first.

    `names_targets` tells whether `targets` were written in the spec; else the one there is is the
    machine that envc runs on. `keys` are the public keys of whom nodes take wanted states and
    bundles, as a `.pub` file has them. `engines` are those of the site, by name.
    """

    name: str
    file: str
    core: CoreSpec
    targets: tuple[Target, ...]
    names_targets: bool
    layers: tuple[LayerSpec, ...]
    indexes: tuple[IndexSpec, ...] = ()
    sources: tuple[tuple[NormalizedName, str], ...] = ()
    resolver: ResolverSpec = field(default_factory=ResolverSpec)
    overlays: OverlaysSpec = field(default_factory=OverlaysSpec)
    retain: RetainSpec = field(default_factory=RetainSpec)
    check: tuple[FindingRule, ...] = ()
    keys: tuple[str, ...] = ()
    engines: tuple[tuple[str, EngineSpec], ...] = ()

    def layer(self, name: str) -> LayerSpec | None:
        """The common layer of that name, or None."""
        return next((layer for layer in self.layers if layer.name == name), None)

    def chain(self, name: str) -> tuple[LayerSpec, ...]:
        """The layer and its bases, top first; the core is not among them."""
        chain: list[LayerSpec] = []
        layer = self.layer(name)
        while layer is not None:
            chain.append(layer)
            layer = self.layer(layer.base)
        return tuple(chain)

    def environment(self, layer: str) -> tuple[tuple[str, str], ...]:
        """The variables that a layer and its bases set, by name; the nearest layer wins."""
        variables: dict[str, str] = {}
        for spec in reversed(self.chain(layer)):
            variables |= dict(spec.env)
        return tuple(sorted(variables.items()))

    def modules(self, layer: str) -> tuple[str, ...]:
        """The environment modules that a layer and its bases need, each once, the lowest first."""
        chain = reversed(self.chain(layer))
        return tuple(dict.fromkeys(name for spec in chain for name in spec.modules))

    def settings(self) -> dict[str, dict[str, Any]]:
        """Layer → its variables and modules, in JSON's types."""
        return {
            layer.name: {
                "env": dict(self.environment(layer.name)),
                "modules": list(self.modules(layer.name)),
            }
            for layer in self.layers
        }


@value(kw_only=True)
class OverlaySpec:
    """An `overlay.toml`: a user's layer on a common layer, another overlay, or a described base.

    `editable` are folders of the user's own projects, which stay where they are. With `on`, `base`
    is the layer that a described environment is, and `stands_for` are the releases that its
    versions are judged as. Where an environment is at the bottom, `replace` are its compiled
    projects that the overlay may replace, and `warns_of_changes` tells whether it starts when that
    has changed.
    """

    name: str
    file: str
    base: str
    base_dir: str | None = None
    requires: tuple[SourcedRequirement, ...] = ()
    constraints: tuple[SourcedRequirement, ...] = ()
    hide: tuple[NormalizedName, ...] = ()
    shadow: ShadowPolicy | None = None
    editable: tuple[SourcedPath, ...] = ()
    check: tuple[FindingRule, ...] = ()
    on: OnSpec | None = None
    stands_for: tuple[tuple[NormalizedName, str], ...] = ()
    replace: tuple[NormalizedName, ...] = ()
    warns_of_changes: bool = False


# Of what people write none comes near; a search with thousands of extras has no end.
LONGEST_REQUIREMENT = 4096


def has_endless_number(text: str) -> bool:
    """Whether a number in the text has so many digits that no tool should read it."""
    return len(text) >= _ENDLESS_DIGITS and bool(re.search(rf"\d{{{_ENDLESS_DIGITS}}}", text))


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
