"""The rules of layered stacks, applied to pins that the search found (design 6.2).

The visible set is always consistent: what any visible release requires is met by a visible one.
Settled pins become a resolution: what they shadow and lift of the base's, and what stays visible.
"""

from collections.abc import Iterator

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import Fault, ShadowRefusedError, UnsatisfiableError
from envc.model.resolution import Pin, Resolution
from envc.resolve.demand import PYTHON, Candidate
from envc.resolve.provider import Provider
from envc.resolve.reasons import asked_by, because
from envc.resolve.visible import Pins, Visible, changed_in


def cohere(visible: Visible) -> Resolution:
    """The resolution that settled pins make: what they shadow, lift and hide.

    Raises:
        UnsatisfiableError: a hidden project is required, or a shadow is refused.
    """
    provider, pins = visible.provider, visible.pins
    problem = provider.problem
    shadows = _shadows(visible)
    changed = changed_in(problem, pins)
    lifts = [project for project in changed if project not in shadows]
    _refuse_hidden(visible)
    if problem.shadow == "never" and changed:
        error = ShadowRefusedError.of([_refusal(visible, project) for project in changed])
        error.projects = tuple(changed)
        raise error
    orphans, hides = orphans_of(visible)
    given_up = [pin.project for pin in problem.inherited if pin.project in problem.hide]
    extras = visible.reached()
    return Resolution(
        problem=problem,
        pins=tuple(
            _pin(provider, candidate, extras.get(project, set()))
            for project, candidate in sorted((pins | orphans).items())
        ),
        shadows=tuple(sorted(shadows)),
        lifts=tuple(lifts),
        hides=tuple(sorted({*hides, *given_up})),
    )


def _shadows(visible: Visible) -> set[NormalizedName]:
    """The changed projects that the layer itself, or what it adds or shadows, asks to change."""
    problem, pins = visible.provider.problem, visible.pins
    base = {pin.project: pin.version for pin in problem.inherited}
    changed = changed_in(problem, pins)
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


def orphans_of(visible: Visible) -> tuple[Pins, list[NormalizedName]]:
    """The base's pins that nobody requires: those that stay consistent, and those that do not.

    The consistent ones are the greatest set whose every demand is met by a visible release.
    """
    provider, orphans = visible.provider, visible.absent()
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
