"""`envc tree`: a stack as the tree of its projects, from the locks alone."""

from packaging.utils import canonicalize_name

from envc.host.context import Context
from envc.lock import Base, target_groups, visible_problem
from envc.ports import CandidateSource
from envc.reports.tree import TreeProject, TreeReport
from envc.resolve import resolve
from envc.sites.site import Site, base_of, base_on, load_overlay
from envc.supply.indexes import open_source
from envc.supply.stale_layers import stale_layers, warn_of_stale


def layer_tree(site: Site, layer: str, context: Context) -> TreeReport:
    """The tree of a common layer.

    Raises:
        UsageError: it has no lock.
    """
    base = base_of(site, layer)
    warn_of_stale(stale_layers(site, layer), context.reporter)
    return _tree(site, base, context)


def overlay_tree(site: Site, spec_path: str, context: Context) -> TreeReport:
    """The tree of an overlay and what it inherits.

    Raises:
        UsageError: it has no lock.
        SpecError: its base is unknown.
    """
    spec = load_overlay(spec_path)
    base = base_on(site, spec)
    from envc.supply.stale_overlays import stale_overlay  # nothing of it is for a layer

    warn_of_stale(stale_overlay(site, spec), context.reporter)
    return _tree(site, base, context)


def _tree(site: Site, base: Base, context: Context) -> TreeReport:
    """The tree of what stands on `base`, for the site's first kind of machine."""
    targets = target_groups(site.spec.targets)[0]
    with open_source(site, context) as source:
        resolution = resolve(visible_problem(site.spec, base, targets), _known(source, base))
    roots = {canonicalize_name(kept.requirement.name) for kept in base.kept}
    visible = {pin.project for pin in resolution.pins}
    return TreeReport(
        target=targets[0].name,
        layers=tuple(
            dict.fromkeys(filter(None, (*(lock.layer for lock in base.locks), base.environment)))
        ),
        roots=tuple(sorted(roots & visible)),
        projects={
            pin.project: TreeProject(
                version=str(pin.version),
                layer=pin.layer or base.layer,
                requires=tuple(project for project in pin.requires if project in visible),
            )
            for pin in resolution.pins
        },
    )


def _known(source: CandidateSource, base: Base) -> CandidateSource:
    """The source, with what is known of an environment that envc did not build."""
    if base.inventory is None:
        return source
    from envc.supply.given import GivenSource  # few stacks stand on such a thing

    return GivenSource(source, known=base.metadata())
