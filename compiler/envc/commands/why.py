"""`envc why`: why a project is pinned as it is in the stack of a layer or an overlay."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import AnswerIsNo
from envc.host.context import Context
from envc.lock import (
    ProblemOf,
    layer_problem,
    overlay_problem,
    pinned_versions,
    target_groups,
    with_absolute_paths,
)
from envc.lock.select import inherited_pins
from envc.model.lock import Lock
from envc.model.release import CoreMetadata, Distribution, Release
from envc.model.resolution import InheritedPin, Problem
from envc.model.spec import Origin, SourcedRequirement
from envc.model.target import Target
from envc.model.value import replace
from envc.ports import CandidateSource
from envc.reports.why import WhyReport
from envc.resolve import why
from envc.sites.site import (
    Site,
    base_of_layer,
    base_under,
    load_overlay,
    no_layer,
    require_lock,
    require_overlay_lock,
)
from envc.supply.given import GivenSource
from envc.supply.indexes import open_source
from envc.supply.stale_layers import stale_layers, warn_of_stale


def why_in_layer(site: Site, layer: str, project: str, context: Context) -> WhyReport:
    """Why a project is in the stack of a common layer.

    Raises:
        UsageError: there is no such layer, or a lock is missing.
        AnswerIsNo: the project is not in its stack.
        OutsideError: an index did not answer.
    """
    spec = site.spec.layer(layer)
    if spec is None:
        raise no_layer(layer, site.spec)
    base = base_of_layer(site, spec)
    lock = with_absolute_paths(require_lock(site.lock_path(layer), layer).lock, site.origin)
    warn_of_stale(stale_layers(site, layer), context.reporter)
    problem = partial(layer_problem, site.spec, spec, base=base)
    return _report(site, problem, lock, project, context=context, known=base.metadata())


def why_in_overlay(site: Site, spec_path: str, project: str, context: Context) -> WhyReport:
    """Why a project is in the stack of an overlay.

    Raises:
        UsageError: a lock is missing.
        SpecError: the overlay's base is unknown.
        AnswerIsNo: the project is not in its stack.
        OutsideError: an index did not answer.
    """
    spec = load_overlay(spec_path)
    base = base_under(site, spec)
    lock = require_overlay_lock(spec).lock
    from envc.supply.stale_overlays import stale_overlay  # nothing of it is for a layer

    warn_of_stale(stale_overlay(site, spec), context.reporter)
    editables = {pin.project: pin.directory for pin in lock.pins if pin.directory is not None}
    where = Origin(spec.file, 0, "overlay.editable")
    lines = tuple(SourcedRequirement(Requirement(project), where) for project in editables)

    def problem(
        *, targets: tuple[Target, ...], preferred: Mapping[NormalizedName, Version]
    ) -> Problem:
        asked = overlay_problem(site.spec, spec, base=base, targets=targets, preferred=preferred)
        return replace(asked, roots=(*asked.roots, *lines), directs=editables)

    return _report(site, problem, lock, project, context=context, known=base.metadata())


def _report(
    site: Site,
    problem: ProblemOf,
    lock: Lock,
    project: str,
    *,
    context: Context,
    known: Mapping[str, CoreMetadata] | None = None,
) -> WhyReport:
    """The answer for the first kind of machine that has the project.

    `known` is the metadata of what stands in an environment, by its URL.
    """
    name = canonicalize_name(project)
    with open_source(site, context) as source:
        for targets in target_groups(site.spec.targets):
            present = pinned_versions(lock, targets[0].markers)
            locked = _LockedSource(source, inherited_pins(lock, targets), known)
            found = why(problem(targets=targets, preferred=present), locked, name)
            if found is not None:
                return WhyReport(
                    project=name,
                    version=found.version,
                    layer=found.layer or lock.layer,
                    target=targets[0].name,
                    asked=found.asked,
                    newest=found.newest,
                    held=found.held,
                )
    raise AnswerIsNo(
        f"{name} is not in the stack of {lock.layer}: nothing there asks for it",
        mend="see what is with `envc tree`",
    )


class _LockedSource(GivenSource):
    """The lock's own files of what it pins, and all else as it is offered.

    So nothing is built again, and projects that no index has are there.
    """

    def __init__(
        self,
        source: CandidateSource,
        pins: Iterable[InheritedPin],
        known: Mapping[str, CoreMetadata] | None,
    ) -> None:
        super().__init__(source, known=known)
        self._locked = {
            pin.project: Release.of(pin.project, pin.version, tuple(map(_there, pin.distributions)))
            for pin in pins
        }

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """Those that are offered, of the locked version the lock's own files."""
        offered = super().releases(project)
        locked = self._locked.get(project)
        if locked is None:
            return offered
        others = [release for release in offered if release.version != locked.version]
        return sorted((locked, *others), key=lambda release: release.version, reverse=True)


def _there(file: Distribution) -> Distribution:
    """A locked file, which `exclude-newer` leaves alone: wheels that were built have no time."""
    return file if file.upload_time else replace(file, upload_time=datetime.fromtimestamp(0, UTC))
