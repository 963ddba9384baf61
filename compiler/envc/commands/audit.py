"""`envc audit`: which of the pins have known vulnerabilities, by a local copy of OSV's database."""

from collections.abc import Collection, Iterator

from packaging.utils import NormalizedName

from envc.advisories import read_advisories
from envc.check.vulnerable import by_project, vulnerabilities
from envc.host.context import Context
from envc.lock import Base, target_groups
from envc.model.advisory import Advisory
from envc.model.value import value
from envc.reports.audit import AuditedRelease, AuditedVulnerability, AuditReport
from envc.sites.site import Site, base_of, base_on, load_overlay, no_layer
from envc.supply.stale_layers import stale_layers, warn_of_stale

Release = tuple[NormalizedName, str]


@value(kw_only=True)
class AuditOptions:
    """What to audit: an `overlay` by its spec and all that it inherits, a `layer`, or all layers.

    `ignored` are names of vulnerabilities that somebody has looked at.
    """

    database: str
    layer: str | None = None
    overlay: str | None = None
    ignored: frozenset[str] = frozenset()


def audit(site: Site, options: AuditOptions, context: Context) -> AuditReport:
    """What is known of the pins.

    Raises:
        UsageError: there is no such layer or database, or a lock is missing.
        SpecError: the overlay's base is unknown.
        OutsideError: the disk refused.
    """
    pins = _pins(site, options, context)
    projects = {project for project, _ in pins}
    read = read_advisories(options.database, projects)
    known = by_project(read.found)
    releases = tuple(
        AuditedRelease(project=project, version=version, layer=layer, vulnerabilities=told)
        for (project, version), layer in sorted(pins.items())
        if (told := tuple(_told(project, version, known.get(project, ()), options.ignored)))
    )
    open_ones = [
        each for release in releases for each in release.vulnerabilities if not each.ignored
    ]
    return AuditReport(
        ok=not open_ones and not read.unread,
        database=options.database,
        advisories=read.files,
        audited=len(pins),
        releases=releases,
        unread=read.unread,
    )


def _told(
    project: NormalizedName, version: str, known: Collection[Advisory], ignored: frozenset[str]
) -> Iterator[AuditedVulnerability]:
    for each in vulnerabilities(project, version, known):
        yield AuditedVulnerability(
            names=each.names,
            summary=each.summary,
            severity=each.severity,
            fixed_in=each.fixed_in,
            ignored=not ignored.isdisjoint(each.names),
        )


def _pins(site: Site, options: AuditOptions, context: Context) -> dict[Release, str]:
    """Every release that is visible, and the layer that has it."""
    found: dict[Release, str] = {}
    for base in _bases(site, options, context):
        for group in target_groups(site.spec.targets):
            for pin in base.visible_pins(group):
                found.setdefault((pin.project, str(pin.version)), pin.layer or base.layer)
    return found


def _bases(site: Site, options: AuditOptions, context: Context) -> Iterator[Base]:
    if options.overlay is not None:
        from envc.supply.stale_overlays import stale_overlay  # few audits are of one

        spec = load_overlay(options.overlay)
        warn_of_stale(stale_overlay(site, spec), context.reporter)
        yield base_on(site, spec)
        return
    if options.layer is not None and site.spec.layer(options.layer) is None:
        raise no_layer(options.layer, site.spec)
    names = [layer.name for layer in site.spec.layers]
    for name in names if options.layer is None else [options.layer]:
        warn_of_stale(stale_layers(site, name), context.reporter)
        yield base_of(site, name)
