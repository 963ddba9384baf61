"""A set of pins under the demands that ask for them: whether it holds together, and how it settles.

What the search finds is *settled*: each change of a base's pin is taken back where it can be, and
each of the layer's own pins is tried at the releases that are preferred to it, all others held, and
with first choices for what such a release needs further.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from packaging.utils import NormalizedName

from envc.model.resolution import Problem
from envc.model.value import replace, value
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.provider import Provider

# So many choices are tried for each project that an improved pin needs; so many in vain, in all.
_CHOICES = 5
_DEAD_ENDS = 20

Pins = dict[NormalizedName, Candidate]


@value
class Visible:
    """A set of pins under a problem's root demands."""

    provider: Provider
    roots: list[Demand]
    pins: Pins

    def demands(self, *, whatever: NormalizedName | None = None) -> Iterator[Demand]:
        """Every demand in force: the roots', and those of releases that they reach.

        With `whatever` only those that stay in force whatever release of that project is pinned.
        """
        seen: set[tuple[Candidate, NormalizedName | None]] = set()
        waiting = list(self.roots)
        while waiting:
            demand = waiting.pop()
            yield demand
            candidate = self.pins.get(demand.project)
            if candidate is None or (candidate, demand.extra) in seen:
                continue
            if demand.project == whatever:
                continue
            seen.add((candidate, demand.extra))
            if demand.extra is not None:
                candidate = self.provider.candidates.with_extra(candidate, demand.extra)
            waiting += self.provider.dependencies(candidate)

    def unmet(self) -> Iterator[Demand]:
        """Every demand in force, and every constraint on what is there for it, that is not met."""
        for demand in self.demands():
            if not self._is_met(demand):
                yield demand
            elif demand.project in self.provider.constraints:
                pin = self.pins[demand.project]
                bounds = self.provider.constraints[demand.project]
                yield from (bound for bound in bounds if not bound.accepts(pin.version))

    def absent(self) -> Pins:
        """The base's pins of projects that have none here, and that the spec does not hide."""
        problem, candidate = self.provider.problem, self.provider.candidates.candidate
        out = {*self.pins, *problem.hide}
        below = [pin for pin in problem.inherited if pin.project not in out]
        found = ((pin.project, candidate(pin.project, pin.version)) for pin in below)
        return {project: pin for project, pin in found if pin is not None}

    def is_consistent(self) -> bool:
        """Whether nothing is unmet."""
        return next(self.unmet(), None) is None

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


def visible_of(provider: Provider, roots: list[Demand], found: Iterable[Candidate]) -> Visible:
    """The set of pins that candidates of a search make."""
    pins = {c.project: c for c in found if c.extra is None and c.project != PYTHON}
    return Visible(provider, roots, pins)


def settled(visible: Visible) -> Visible:
    """Pins of which none can go back to the base's or be improved, all others held.

    Each pass can open a way for the other. It ends: a base's pin stays once it is back, and the
    layer's own pins only become more preferred ones.
    """
    while True:
        pins = _improved(replace(visible, pins=_without_needless_changes(visible)))
        if pins == visible.pins:
            return visible
        visible = replace(visible, pins=pins)


def _improved(visible: Visible) -> Pins:
    """Try each of the layer's own pins at the releases preferred to it, in order of name.

    The search leaves such pins behind where it went back for a reason that is gone by now.
    """
    pins = visible.pins
    for project in sorted(pins):
        if project not in pins or pins[project].layer is not None:
            continue
        if visible.provider.candidates.most_preferred(project) == pins[project].version:
            continue
        tried = replace(visible, pins=pins)
        for better in _preferred_to(tried, project):
            improved = _completed(replace(visible, pins=pins | {project: better}))
            if improved is not None:
                pins = _reachable(improved)
                break
    return pins


def _completed(visible: Visible) -> Visible | None:
    """The pins, and for what they need and is not there, the first choices that hold together.

    None where they contradict each other, or there are no such choices among the first ones.
    """
    ways = [iter((visible,))]  # each way out of the one before it
    dead_ends = 0
    while ways and dead_ends < _DEAD_ENDS:
        tried = next(ways[-1], None)
        missing = None if tried is None else _missing(tried)
        if tried is None:
            ways.pop()
        elif missing is None:
            dead_ends += 1
        elif not missing:
            return tried
        else:
            ways.append(_chosen(tried, min(missing)))
    return None


def _chosen(visible: Visible, project: NormalizedName) -> Iterator[Visible]:
    """The pins with each of the first choices for a project that is asked for."""
    demands = [demand for demand in visible.demands() if demand.project == project]
    for found in islice(visible.provider.matches(project, None, demands=demands), _CHOICES):
        yield replace(visible, pins=visible.pins | {project: found})


def _missing(visible: Visible) -> set[NormalizedName] | None:
    """The projects that are not there and asked for; None where something else is unmet."""
    unmet = {demand.project for demand in visible.unmet()}
    return None if unmet & {*visible.pins, *visible.provider.problem.hide, PYTHON} else unmet


def _preferred_to(visible: Visible, project: NormalizedName) -> Iterator[Candidate]:
    """The candidates that every other project accepts, before the one that is pinned.

    The base's pin and a lock's that replaced it are not among them: going back comes first.
    """
    pinned = visible.pins[project]
    demands = [d for d in visible.demands(whatever=project) if d.project == project]
    demands += visible.provider.constraints.get(project, [])
    problem = visible.provider.problem
    excluded = {pin.version for pin in problem.inherited if pin.project == project}
    candidates = visible.provider.candidates
    if excluded:
        excluded.update(candidates.preferred(project))
    for candidate in candidates.of(project, demands, excluded):
        if candidate is pinned:
            return
        yield candidate


def _without_needless_changes(visible: Visible) -> Pins:
    """Bring changed projects back to the base's pins: all that can go at once, then one by one.

    The base holds together as it stands, so one greatest set can go back, unless a project is there
    only for the sake of another that may go back itself: what is left is tried alone, in order of
    name.
    """
    pins = _reachable(visible)
    changed = changed_in(visible.provider.problem, pins)
    for projects in (changed, *([project] for project in changed)):
        pins = _brought_back(replace(visible, pins=pins), projects)
    return pins


def _brought_back(visible: Visible, projects: list[NormalizedName]) -> Pins:
    """The pins, as many of these projects at the base's as hold together with all others.

    What the base's releases require comes back with them. What contradicts a pin that stays, stays
    as it is, too.
    """
    others = {project: pin for project, pin in visible.pins.items() if project not in projects}
    going = replace(visible, pins=others).absent()
    while not going.keys().isdisjoint(projects):
        tried = replace(visible, pins=visible.pins | going)
        unmet = list(tried.unmet())
        if not unmet:
            return _reachable(tried)
        stays = {next((end for end in _ends(demand) if end in going), None) for demand in unmet}
        if stays == {None}:
            break
        going = {project: pin for project, pin in going.items() if project not in stays}
    return visible.pins


def _ends(demand: Demand) -> Iterator[NormalizedName]:
    """The project that is demanded, and the one whose release demands it."""
    yield demand.project
    if demand.parent is not None:
        yield demand.parent.project


def _reachable(visible: Visible) -> Pins:
    reached = visible.reached()
    return {project: pin for project, pin in visible.pins.items() if project in reached}


def changed_in(problem: Problem, pins: Pins) -> list[NormalizedName]:
    """The base's projects that these pins replace, in order of name."""
    base = {pin.project for pin in problem.inherited}
    return sorted(p for p, candidate in pins.items() if p in base and candidate.layer is None)
