"""`envc export`: a layer, or the whole stack that a process sees in it, for other tools."""

from packaging.utils import NormalizedName

from envc.errors import UsageError
from envc.formats.cyclonedx import cyclonedx_to_json
from envc.formats.pylock import lock_to_text
from envc.formats.requirements import requirements_to_text
from envc.host.context import Context
from envc.lock import (
    CORE_BASE,
    Base,
    lock_layer,
    target_groups,
    visible_problem,
    with_absolute_paths,
)
from envc.model.digest import digest_of
from envc.model.lock import Lock
from envc.model.resolution import Resolution
from envc.model.spec import SiteSpec
from envc.model.value import replace, value
from envc.reports.export import ExportFormat
from envc.resolve import resolve
from envc.sites.site import Site, base_of, base_on, load_overlay
from envc.supply.indexes import open_source
from envc.supply.stale_layers import stale_layers, warn_of_stale
from envc.supply.stale_overlays import stale_overlay


@value(kw_only=True)
class Exported:
    """A layer or a stack as one lock, and its name: layers top first."""

    title: str
    lock: Lock

    def text(self, form: ExportFormat) -> bytes:
        """The bytes of a file of that format."""
        match form:
            case "requirements":
                return requirements_to_text(self.lock)
            case "pylock":
                return lock_to_text(self.lock)
            case "cyclonedx":
                return cyclonedx_to_json(self.lock, self.title)


def export(
    site: Site, layer: str, overlay: str | None, context: Context, *, flat: bool
) -> Exported:
    """A common layer of the site, or the overlay at that path, by the locks.

    With `flat`, all that a process sees in it, in one lock for all targets; else its own pins.

    Raises:
        UsageError: there is no such layer, or a lock is missing.
    """
    if overlay is None:
        base, stale = base_of(site, layer), stale_layers(site, layer)
    else:
        spec = load_overlay(overlay)
        base, stale = base_on(site, spec), stale_overlay(site, spec)
    warn_of_stale(stale, context.reporter)
    own = base.locks[0]
    if flat and base.inventory is not None:
        raise UsageError(
            f"{base.layer} stands on an environment that envc did not build, and no lock has that",
            mend="export what the overlay itself installs: leave out --flat",
        )
    if not flat:
        # What it holds is a file of its own now: nothing tells whether that is stale.
        return Exported(title=own.layer, lock=replace(own, inputs=None))
    title = " on ".join(lock.layer for lock in base.locks)
    return Exported(title=title, lock=_flat(site, base, context))


def _flat(site: Site, base: Base, context: Context) -> Lock:
    with open_source(site, context) as source:
        resolutions = [
            _as_own(resolve(visible_problem(site.spec, base, group), source))
            for group in target_groups(site.spec.targets)
        ]
    if not any(resolution.pins for resolution in resolutions):
        raise UsageError(f"nothing is visible on {base.layer}", mend="add requirements to a layer")
    lock = lock_layer(
        base.layer, resolutions, inputs=digest_of(b""), base=CORE_BASE, folder=site.folder
    )
    folders = _directories(base)
    pins = tuple(replace(pin, directory=folders.get(pin.project)) for pin in lock.pins)
    return with_absolute_paths(replace(lock, pins=pins, inputs=None), site.folder)


def _as_own(resolution: Resolution) -> Resolution:
    """The resolution, every pin taken for the layer's own."""
    pins = tuple(replace(pin, layer=None) for pin in resolution.pins)
    return replace(resolution, pins=pins, shadows=(), lifts=(), hides=())


def _directories(base: Base) -> dict[NormalizedName, str]:
    """Where the visible editable projects stand."""
    found: dict[NormalizedName, str | None] = {}
    for lock in base.locks:
        for pin in lock.pins:
            found.setdefault(pin.project, pin.directory)
    return {project: folder for project, folder in found.items() if folder is not None}


def default_layer(site: SiteSpec) -> str:
    """The layer to export when nobody says: `user`, or the last of the site."""
    if site.layer("user") is not None or not site.layers:
        return "user"
    return site.layers[-1].name
