"""The rules of layered stacks, applied to pins that the search found (design 6.2).

The visible set is always consistent: what any visible release requires is met by a visible one.
Pins here are one candidate for each project; `Visible` answers whether such a set is consistent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import Fault, ShadowRefusedError, UnsatisfiableError
from envc.model.resolution import Pin, Problem, Resolution
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.explain import asked_by, because
from envc.resolve.provider import Provider

Pins = dict[NormalizedName, Candidate]


@dataclass(frozen=True)
class Visible:
    """A set of pins under a problem's root demands."""

    provider: Provider
    roots: list[Demand]
    pins: Pins

    def demands(self) -> Iterator[Demand]:
        """Every demand in force: the roots', and those of releases that they reach."""
        seen: set[tuple[Candidate, NormalizedName | None]] = set()
        waiting = list(self.roots)
        while waiting:
            demand = waiting.pop()
            yield demand
            candidate = self.pins.get(demand.project)
            if candidate is None or (candidate, demand.extra) in seen:
                continue
            seen.add((candidate, demand.extra))
            if demand.extra is not None:
                candidate = self.provider.candidates.with_extra(candidate, demand.extra)
            waiting += self.provider.dependencies(candidate)

    def is_consistent(self) -> bool:
        """Whether every demand in force, and every constraint, is met."""
        return all(self._is_met(demand) for demand in self.demands()) and all(
            constraint.accepts(self.pins[project].version)
            for project, constraints in self.provider.constraints.items()
            for constraint in constraints
            if project in self.pins
        )

    def _is_met(self, demand: Demand) -> bool:
        if demand.project == PYTHON:
            return next(self.provider.candidates.of(PYTHON, [demand], ()), None) is not None
        pin = self.pins.get(demand.project)
        return pin is not None and demand.accepts(pin.version)

    def reached(self) -> dict[NormalizedName, set[NormalizedName]]:
        """The projects that the roots reach → the extras asked of each."""
        found: dict[NormalizedName, set[NormalizedName]] = {}
        for demand in self.demands():
            extras = found.setdefault(demand.project, set())
            if demand.extra is not None:
                extras.add(demand.extra)
        return found


def cohere(provider: Provider, roots: list[Demand], found: Iterable[Candidate]) -> Resolution:
    """The resolution that these candidates make, changed back to the base's pins where it can be.

    Raises:
        UnsatisfiableError: a hidden project is required, or a shadow is refused.
    """
    problem = provider.problem
    pins = {c.project: c for c in found if c.extra is None and c.project != PYTHON}
    pins = _without_needless_changes(Visible(provider, roots, pins))
    visible = Visible(provider, roots, pins)
    shadows = _shadows(visible)
    changed = _changed(problem, pins)
    lifts = [project for project in changed if project not in shadows]
    _refuse_hidden(visible)
    if problem.shadow == "never" and changed:
        raise _refused(visible, changed)
    orphans, hides = _orphans(visible)
    extras = visible.reached()
    return Resolution(
        problem=problem,
        pins=tuple(
            _pin(provider, candidate, extras.get(project, set()))
            for project, candidate in sorted((pins | orphans).items())
        ),
        shadows=tuple(sorted(shadows)),
        lifts=tuple(lifts),
        hides=tuple(sorted({*hides, *_given_up(problem)})),
    )


def _changed(problem: Problem, pins: Pins) -> list[NormalizedName]:
    """The base's projects that these pins replace, in order of name."""
    base = {pin.project for pin in problem.inherited}
    return sorted(p for p, candidate in pins.items() if p in base and candidate.layer is None)


def _without_needless_changes(visible: Visible) -> Pins:
    """Try each changed project back at the base's pin, the others held, in order of name."""
    provider = visible.provider
    versions = {pin.project: pin.version for pin in provider.problem.inherited}
    pins = _reachable(visible)
    for project in _changed(provider.problem, pins):
        if project not in pins:
            continue
        back = provider.candidates.candidate(project, versions[project])
        if back is None:
            continue
        tried = Visible(provider, visible.roots, pins | {project: back})
        if tried.is_consistent():
            pins = _reachable(tried)
    return pins


def _reachable(visible: Visible) -> Pins:
    reached = visible.reached()
    return {project: pin for project, pin in visible.pins.items() if project in reached}


def _shadows(visible: Visible) -> set[NormalizedName]:
    """The changed projects that the layer itself, or what it adds or shadows, asks to change."""
    problem, pins = visible.provider.problem, visible.pins
    base = {pin.project: pin.version for pin in problem.inherited}
    changed = _changed(problem, pins)
    own_roots = [demand for demand in visible.roots if not demand.kept]
    own_roots += [
        constraint
        for constraints in visible.provider.constraints.values()
        for constraint in constraints
    ]
    excluding = [d for d in visible.demands() if d.parent is not None] + own_roots
    shadows: set[NormalizedName] = set()
    while True:
        speakers = {
            project
            for project, candidate in pins.items()
            if candidate.layer is None and (project not in base or project in shadows)
        }
        more = {
            demand.project
            for demand in excluding
            if demand.project in changed
            and not demand.accepts(base[demand.project])
            and (demand.parent is None or demand.parent.project in speakers)
        }
        if more <= shadows:
            return shadows
        shadows |= more


def _refuse_hidden(visible: Visible) -> None:
    """Hiding what a visible project requires is an error that names it."""
    hidden = visible.provider.problem.hide
    faults = [
        Fault(
            f"{demand.project} is hidden, but {because(visible.provider, visible.roots, demand)}",
            visible.provider.problem.layer,
            f"take {demand.project} off `hide`, or remove what requires it",
        )
        for demand in visible.demands()
        if demand.project in hidden
    ]
    if faults:
        error = UnsatisfiableError.of(sorted(set(faults), key=lambda fault: fault.what))
        error.projects = tuple(sorted(hidden & set(visible.reached())))
        raise error


def _refused(visible: Visible, changed: list[NormalizedName]) -> ShadowRefusedError:
    """The error of a site or an overlay that allows no shadow."""
    error = ShadowRefusedError.of([_refusal(visible, project) for project in changed])
    error.projects = tuple(changed)
    return error


def _refusal(visible: Visible, project: NormalizedName) -> Fault:
    """Why one project of the base would be replaced: it is asked for, or it would break."""
    provider = visible.provider
    below = next(pin for pin in provider.problem.inherited if pin.project == project)
    excluding = [
        demand
        for demand in visible.demands()
        if demand.project == project and not demand.accepts(below.version)
    ]
    reasons = {because(provider, visible.roots, demand) for demand in excluding}
    asked = asked_by(provider, visible.roots, excluding)
    mend = f"relax the requirement so that {project} {below.version} meets it"
    if not excluding:
        reasons = set(_breaks(visible, project, below.version))
        mend = f"keep what {project} {below.version} requires at the base's pins"
    return Fault(
        f"{project} {visible.pins[project].version} would replace {below.version} of layer "
        f'{below.layer}, and shadow is "never"' + "".join(f"; {why}" for why in sorted(reasons)),
        str(asked[0].sourced.origin) if asked and asked[0].sourced is not None else "",
        mend + ', or have the site allow shadow = "coherent"',
    )


def _breaks(visible: Visible, project: NormalizedName, version: Version) -> Iterator[str]:
    """What the base's release of a project requires and would not find."""
    candidates = visible.provider.candidates
    candidate = candidates.candidate(project, version)
    for demand in visible.provider.dependencies(candidate) if candidate is not None else ():
        pin = visible.pins.get(demand.project)
        if pin is not None and not demand.accepts(pin.version):
            yield f"{project} {version} requires {demand.text}, and {pin} would be there"


def _given_up(problem: Problem) -> list[NormalizedName]:
    """The base's projects that the spec hides."""
    return [pin.project for pin in problem.inherited if pin.project in problem.hide]


def _orphans(visible: Visible) -> tuple[Pins, list[NormalizedName]]:
    """The base's pins that nobody requires: those that stay consistent, and those that do not.

    The consistent ones are the greatest set whose every demand is met by a visible release.
    """
    provider = visible.provider
    orphans: Pins = {}
    for pin in provider.problem.inherited:
        if pin.project not in visible.pins and pin.project not in provider.problem.hide:
            candidate = provider.candidates.candidate(pin.project, pin.version)
            if candidate is not None:
                orphans[pin.project] = candidate
    hidden: list[NormalizedName] = []
    while True:
        everything = visible.pins | orphans
        broken = [
            project
            for project, candidate in sorted(orphans.items())
            if not all(
                demand.project in everything and demand.accepts(everything[demand.project].version)
                for demand in provider.dependencies(candidate)
                if demand.project != PYTHON
            )
        ]
        if not broken:
            return orphans, hidden
        hidden += broken
        orphans = {p: c for p, c in orphans.items() if p not in broken}


def _pin(provider: Provider, candidate: Candidate, extras: set[NormalizedName]) -> Pin:
    variants = [candidate, *(provider.candidates.with_extra(candidate, e) for e in extras)]
    needed = {demand.project for variant in variants for demand in provider.dependencies(variant)}
    return Pin(
        project=candidate.project,
        version=candidate.version,
        distributions=candidate.distributions,
        metadata=provider.source.metadata(candidate.distributions[0]),
        extras=tuple(sorted(extras)),
        requires=tuple(sorted(needed - {candidate.project, PYTHON})),
        layer=candidate.layer,
    )
