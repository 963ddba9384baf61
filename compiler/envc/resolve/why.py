"""Why a project is pinned as it is: who asks for it, and what holds it back from newer releases.

Problem with the present lock's pins preferred, CandidateSource, project ──why──▶ Why
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.release import Release
from envc.model.resolution import Problem
from envc.model.value import value
from envc.ports import CandidateSource
from envc.resolve.coherence import orphans_of
from envc.resolve.demand import Candidate, Demand
from envc.resolve.policy import Kind
from envc.resolve.reasons import because, binds, origin_of, wanted_by
from envc.resolve.search import Conflict, find
from envc.resolve.visible import Visible

_LOOKED_INTO = 10

HeldKind = Literal["requirement", "constraint", "release", "base", "policy", "lock"] | Kind


@value(kw_only=True)
class Asking:
    """Who asks for a project, and with what words.

    `by` is "spec" for a line of the layer's own spec, "base" for one of a spec below it, else a
    release. `where` is the line's origin; of a release's words, that of the override that changed
    them, or empty. `path` leads to a release: a line of a spec, then releases, each asked for by
    the one before. A line of a base is not `binding` where the pin is none of its versions: it only
    keeps the project.
    """

    by: str
    requirement: str
    where: str
    path: tuple[str, ...]
    binding: bool = True


@value(kw_only=True)
class Held:
    """Releases newer than the pin, newest first, and what keeps the pin from moving to them."""

    kind: HeldKind
    reason: str
    versions: tuple[str, ...]


@value(kw_only=True)
class Why:
    """A pin, who asks for it, the newest release there is, and what holds the pin back from it.

    `layer` is the base layer that the pin is inherited from, None for the layer's own.
    """

    version: str
    layer: str | None
    asked: tuple[Asking, ...]
    newest: str | None
    held: tuple[Held, ...]


def why(problem: Problem, source: CandidateSource, project: NormalizedName) -> Why | None:
    """Why a project is pinned as it is; None where it is not visible, or nothing can be pinned.

    Nobody asks for what is visible only because a base has it.

    Raises:
        OutsideError: an index did not answer.
    """
    visible = find(problem, source)
    if isinstance(visible, Conflict):
        return None
    pin = visible.pins.get(project) or orphans_of(visible)[0].get(project)
    if pin is None:
        return None
    releases = source.releases(project)
    finals = [release.version for release in releases if not release.version.is_prerelease]
    newest = finals[0] if finals else releases[0].version if releases else None
    return Why(
        version=str(pin.version),
        layer=pin.layer,
        asked=tuple(_asked(visible, pin)),
        newest=None if newest is None else str(newest),
        held=tuple(_grouped(visible, pin, releases)),
    )


def _asked(visible: Visible, pin: Candidate) -> Iterator[Asking]:
    """Who asks for a pin's project: lines of specs first, then releases, the shortest way first."""
    paths = _paths(visible)
    about = {id(d): d for d in visible.demands() if d.project == pin.project and d.exact is None}
    lines = [demand for demand in about.values() if demand.parent is None]
    for line in sorted(lines, key=lambda line: (line.kept, origin_of(line), line.extra or "")):
        if line.extra is None:
            by = "base" if line.kept else "spec"
            yield Asking(
                by=by,
                requirement=line.text,
                where=origin_of(line),
                path=(),
                binding=binds(line, pin),
            )
    found = {
        (str(demand.parent), demand.text): Asking(
            by=str(demand.parent),
            requirement=demand.text,
            where=origin_of(demand) if demand.sourced is not None else "",
            path=paths.get(demand.parent.project, ()),
        )
        for demand in about.values()
        if demand.parent is not None
    }
    yield from sorted(found.values(), key=lambda a: (len(a.path), a.by, a.requirement))


def _paths(visible: Visible) -> dict[NormalizedName, tuple[str, ...]]:
    """Every visible project → the shortest way to it: a line of a spec, then releases."""
    found: dict[NormalizedName, tuple[str, ...]] = {}
    waiting: list[tuple[Demand, tuple[str, ...]]] = [
        (root, (because(visible.provider, visible.roots, root),))
        for root in sorted(visible.roots, key=lambda root: (root.kept, root.key))
    ]
    entered: set[Candidate] = set()
    for demand, path in waiting:
        pin = visible.pins.get(demand.project)
        if pin is None:
            continue
        if demand.extra is not None:
            pin = visible.provider.candidates.with_extra(pin, demand.extra)
        way = found.setdefault(demand.project, (*path, str(visible.pins[demand.project])))
        if pin not in entered:
            entered.add(pin)
            waiting += [(below, way) for below in visible.provider.dependencies(pin)]
    return found


def _grouped(visible: Visible, pin: Candidate, releases: Sequence[Release]) -> Iterator[Held]:
    """The newer releases, grouped by what excludes them, in order of the newest of each group.

    Of those that no rule excludes, only some are looked into: each takes its metadata.
    """
    groups: dict[tuple[HeldKind, str], list[str]] = {}
    looked_into = 0
    for release in releases:
        if release.version <= pin.version:
            break
        found = _excluded_by_rules(visible, pin, release.version)
        if found is None and looked_into < _LOOKED_INTO:
            looked_into += 1
            found = _excluded_by_itself(visible, pin, release.version)
        if found is not None:
            groups.setdefault(found, []).append(str(release.version))
    for (kind, reason), versions in groups.items():
        yield Held(kind=kind, reason=reason, versions=tuple(versions))


def _excluded_by_rules(
    visible: Visible, pin: Candidate, version: Version
) -> tuple[HeldKind, str] | None:
    """What the policy, the target or somebody's requirement has against a release."""
    candidates = visible.provider.candidates
    project = pin.project
    is_offered = version in candidates.versions(project)
    candidate = candidates.candidate(project, version) if is_offered else None
    if candidate is None:
        for reason, versions in candidates.rejections[project].items():
            if version in versions:
                return reason.kind, reason.text
    for constraint in visible.provider.constraints.get(project, []):
        if not constraint.accepts(version):
            return "constraint", f"{origin_of(constraint)} constrains {constraint.text}"
    about = [d for d in visible.demands(whatever=project) if d.project == project]
    for demand in sorted(about, key=lambda demand: (demand.parent is not None, str(demand.parent))):
        if not demand.accepts(version):
            if demand.parent is None:
                return "requirement", f"{origin_of(demand)} requires {demand.text}"
            return "release", f"{demand.parent} requires {demand.text}"
    return _excluded_by_its_kind(candidate, pin) if candidate is not None else None


def _excluded_by_its_kind(candidate: Candidate, pin: Candidate) -> tuple[HeldKind, str] | None:
    """Why a release would be chosen only if there were no other."""
    if candidate.fallback and not pin.version.is_prerelease:
        return "prerelease", "a prerelease, and a stable release meets what is asked for"
    if candidate.last_resort:
        bound = candidate.distributions[0].requires_python
        return "python", f"a last resort: it asks for Python {bound}"
    return None


def _excluded_by_itself(
    visible: Visible, pin: Candidate, version: Version
) -> tuple[HeldKind, str] | None:
    """What a release requires and would not find; else what prefers the pin to it."""
    candidate = visible.provider.candidates.candidate(pin.project, version)
    for demand in visible.provider.dependencies(candidate) if candidate is not None else ():
        found = _excluded_by_demand(visible, pin, version, demand)
        if found is not None:
            return found
    if pin.layer is not None:
        return "base", f"layer {pin.layer} has {pin.version}, and nothing asks for another"
    if visible.provider.candidates.policy.prefers_lowest(pin.project):
        mode = visible.provider.problem.policy.resolution
        return "policy", f'resolver.resolution = "{mode}" prefers the oldest that fits'
    return "lock", f"the lock keeps {pin.version} until it is let move"


def _excluded_by_demand(
    visible: Visible, pin: Candidate, version: Version, demand: Demand
) -> tuple[HeldKind, str] | None:
    """What one of a release's own demands has against it, as everything else is pinned."""
    if demand.broken:
        return "metadata", demand.text
    if demand.url is not None:
        return "release", f"it requires {demand.text}, and no line of a spec names that URL"
    if demand.project == pin.project and not demand.accepts(version):
        return "release", f"it requires {wanted_by(demand)}, and so not itself"
    other = visible.pins.get(demand.project)
    if other is not None and other is not pin and not demand.accepts(other.version):
        return "release", f"it requires {demand.text}, and {other} is pinned"
    return None
