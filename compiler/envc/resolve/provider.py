"""resolvelib's questions, answered from the site's rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from resolvelib import AbstractProvider
from resolvelib.resolvers import RequirementInformation

from envc.model.resolution import Problem
from envc.model.spec import SourcedRequirement
from envc.ports import CandidateSource
from envc.resolve.candidates import Candidates
from envc.resolve.demand import (
    PYTHON,
    Candidate,
    Demand,
    applicable,
    demands_of,
    exactly,
    parts_of,
    python_demand,
)
from envc.resolve.policy import holds

Information = RequirementInformation[Demand, Candidate]


class Provider(AbstractProvider[Demand, Candidate, str]):
    """What resolvelib asks; every answer comes from `candidates` and the metadata.

    With `holds_base` a project of the base has no other candidate than the base's pin.
    """

    def __init__(
        self, problem: Problem, source: CandidateSource, *, holds_base: bool = False
    ) -> None:
        self.problem = problem
        self.candidates = Candidates(problem, source, holds_base=holds_base)
        self.source = source
        self.markers = dict(problem.markers)
        self.constraints = _by_project(problem, problem.constraints)
        self.overrides = _by_project(problem, problem.overrides)
        self._inherited = {pin.project for pin in problem.inherited}
        self._dependencies: dict[Candidate, list[Demand]] = {}
        self._met: dict[tuple[Demand, Candidate], bool] = {}

    def identify(self, requirement_or_candidate: Demand | Candidate) -> str:
        """`project` or `project[extra]`."""
        return requirement_or_candidate.key

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, Candidate],  # noqa: ARG002 - resolvelib calls by keyword
        candidates: Mapping[str, Iterator[Candidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Information]],  # noqa: ARG002
        backtrack_causes: Sequence[Information],
    ) -> Iterable[str]:
        """What took part in the last conflict is decided first: its cause shows soonest."""
        if not backtrack_causes:
            return identifiers
        causes = {cause.requirement.key for cause in backtrack_causes}
        causes |= {cause.parent.key for cause in backtrack_causes if cause.parent is not None}
        among = [identifier for identifier in identifiers if identifier in causes]
        return among or identifiers

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],  # noqa: ARG002 - resolvelib calls by keyword
        candidates: Mapping[str, Iterator[Candidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Information]],
        backtrack_causes: Sequence[Information],  # noqa: ARG002
    ) -> tuple[Any, ...]:
        """Tightly bound projects first, those of the spec before others, then by name."""
        demands = [known.requirement for known in information[identifier]]
        operators = {part.operator for demand in demands for part in demand.specifier}
        exact = any(demand.exact is not None for demand in demands)
        return (
            not (exact or operators & {"==", "==="}),
            not any(demand.sourced is not None for demand in demands),
            not operators & {"<", "<=", "~="},
            not operators,
            identifier,
        )

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Demand]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Any:
        """A factory of candidates, so that only those that are looked at are made.

        There may be no requirement left: resolvelib forgets those of a pin that it takes back.
        """
        demands = list(requirements[identifier])
        project, extra = parts_of(identifier)
        if extra is not None:
            # what binds the project binds its extras: without this, they would part and meet
            # again only by backtracking
            demands += list(requirements[project]) if project in requirements else []
        demands += self.constraints.get(project, [])
        excluded = {candidate.version for candidate in incompatibilities[identifier]}

        def matches() -> Iterator[Candidate]:
            for candidate in self.candidates.of(project, demands, excluded):
                if extra is None:
                    yield candidate
                else:
                    yield self.candidates.with_extra(candidate, extra)

        best = next(matches(), None)
        if best is not None and best.distributions:
            self.source.prefetch_metadata(best.distributions[:1])
        return matches

    def is_satisfied_by(self, requirement: Demand, candidate: Candidate) -> bool:
        """Whether the candidate's version is one that the demand accepts."""
        key = (requirement, candidate)
        if key not in self._met:  # asked again in every round
            self._met[key] = requirement.accepts(candidate.version)
        return self._met[key]

    def get_dependencies(self, candidate: Candidate) -> list[Demand]:
        """The candidate's demands; the listings that they will need are under way after it."""
        demands = self.dependencies(candidate)
        self.prefetch(demands)
        return demands

    def prefetch(self, demands: Iterable[Demand]) -> None:
        """Start to fetch the listings of projects that the base does not already pin."""
        projects = {demand.project for demand in demands}
        self.source.prefetch(sorted(projects - self._inherited - {PYTHON}))

    def dependencies(self, candidate: Candidate) -> list[Demand]:
        """What a candidate demands, overrides applied; computed once."""
        if candidate not in self._dependencies:
            self._dependencies[candidate] = list(self._demands(candidate))
        return self._dependencies[candidate]

    def constraining(self) -> list[Demand]:
        """The constraints that hold here, in order of project."""
        return [demand for _, demands in sorted(self.constraints.items()) for demand in demands]

    def known(self) -> Mapping[Candidate, list[Demand]]:
        """Every candidate that the search has looked into → its demands."""
        return self._dependencies

    def _demands(self, candidate: Candidate) -> Iterator[Demand]:
        if candidate.project == PYTHON:
            return
        file = candidate.distributions[0]
        metadata = self.source.metadata(file)
        if candidate.extra is not None:
            yield exactly(candidate)
        elif metadata.requires_python is not None and file.requires_python is None:
            demand = python_demand(candidate, metadata.requires_python)
            if demand is not None:
                yield demand
        overridden: set[NormalizedName] = set()
        for requirement in applicable(metadata, self.markers, candidate.extra):
            project = canonicalize_name(requirement.name)
            if project not in self.overrides:
                yield from demands_of(requirement, parent=candidate)
            elif project not in overridden:
                overridden.add(project)
                for override in self.overrides[project]:
                    yield replace(override, parent=candidate)


def _by_project(
    problem: Problem, requirements: tuple[SourcedRequirement, ...]
) -> dict[NormalizedName, list[Demand]]:
    """The demands of constraints or overrides that hold here, by project."""
    found: dict[NormalizedName, list[Demand]] = {}
    for sourced in requirements:
        if holds(sourced, problem):
            demands = demands_of(sourced.requirement, sourced=sourced)
            found.setdefault(demands[0].project, []).extend(demands)
    return found
