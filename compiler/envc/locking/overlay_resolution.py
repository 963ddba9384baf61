"""An overlay resolved without walking the whole base: only what a change can reach is looked at.

The base is consistent as it stands. What its specs keep available matters only where a way leads
from it to a project that the overlay changes; the rest stays at its pins, whatever is chosen above.

1. Resolve with the base's pins that the overlay's requirements led to the last time (all, if it is
   the first), and nothing kept but what leads to projects that it hides, or whose pins it forbids.
2. Where the answer has a project of the base that was left out, put it in; where it changes base
   projects, put in all that leads to those. Resolve again.
3. The answer for which nothing is missing holds for the whole base.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import UnsatisfiableError
from envc.model.resolution import Problem, Resolution, reach
from envc.model.spec import SourcedRequirement
from envc.model.value import replace
from envc.ports import CandidateSource
from envc.resolve import resolve

Projects = frozenset[NormalizedName]


@dataclass(slots=True)
class Edges:
    """Who requires whom among what is visible on a base; both directions.

    It learns: `led_to` has which projects of the base the requirements on a project led to. That
    is a guess for the next overlay that asks for it, and nothing rests on it.
    """

    needs: Mapping[NormalizedName, Projects]
    requirers: Mapping[NormalizedName, Projects]
    led_to: dict[NormalizedName, set[NormalizedName]] = field(default_factory=dict)


def edges_of(visible: Resolution) -> Edges:
    """The edges of what is visible on a base."""
    needs = {pin.project: frozenset(pin.requires) for pin in visible.pins}
    requirers: dict[NormalizedName, set[NormalizedName]] = {}
    for project, needed in needs.items():
        for each in needed:
            requirers.setdefault(each, set()).add(project)
    return Edges(needs, {project: frozenset(found) for project, found in requirers.items()})


def resolve_above(
    problem: Problem, edges: Edges, source: CandidateSource, *, explains: bool = True
) -> Resolution:
    """The resolution of an overlay's problem on the base that has these edges.

    Raises:
        UnsatisfiableError, OutsideError: as `resolve`.
    """
    base = {pin.project: pin.version for pin in problem.inherited}
    asked = {canonicalize_name(sourced.requirement.name) for sourced in problem.roots}
    changed = set(problem.hide)
    changed |= set(_ruled_out(problem.constraints, base))
    changed |= edges.needs.keys() - base.keys()  # to be installed by the overlay itself
    known = all(project in base or project in edges.led_to for project in asked)
    led_to = asked.union(*(edges.led_to.get(project, ()) for project in asked))
    inside = led_to if known else set(base)
    while True:
        leading = reach(changed, edges.requirers)
        near = reach(inside | leading, edges.needs)
        is_whole = base.keys() <= near
        try:
            part = _part(problem, near, leading)
            found = resolve(part, source, explains=explains and is_whole)
        except UnsatisfiableError:
            if is_whole:
                raise
            inside = set(base)  # what was left out may be what no index has any more
            continue
        taken = {pin.project for pin in found.own()} & base.keys()
        more = {*found.shadows, *found.lifts, *found.hides} - changed
        missing = taken - near
        if not more and not missing:
            reached = {need for pin in found.own() for need in pin.requires} & base.keys()
            for project in asked:
                edges.led_to.setdefault(project, set()).update(reached)
            # What was given up, but not looked at, is hidden.
            hidden = {p.project for p in problem.inherited if p.project in problem.hide} - near
            return replace(found, problem=problem, hides=tuple(sorted({*found.hides, *hidden})))
        changed |= more
        inside |= missing


def _ruled_out(
    constraints: Iterable[SourcedRequirement], base: Mapping[NormalizedName, Version]
) -> Iterator[NormalizedName]:
    """The projects of a base whose pins these constraints forbid; what they allow stays."""
    for sourced in constraints:
        project = canonicalize_name(sourced.requirement.name)
        pin = base.get(project)
        if pin is not None and not sourced.requirement.specifier.contains(pin, prereleases=True):
            yield project


def _part(problem: Problem, near: Projects, leading: Projects) -> Problem:
    return replace(
        problem,
        inherited=tuple(pin for pin in problem.inherited if pin.project in near),
        kept=tuple(s for s in problem.kept if canonicalize_name(s.requirement.name) in leading),
    )
