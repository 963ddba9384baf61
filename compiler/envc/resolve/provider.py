"""What the searches ask: candidates, and what each of them demands, by the site's rules."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urldefrag

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import MetadataError, UnsatisfiableError
from envc.model.release import CoreMetadata
from envc.model.resolution import Problem
from envc.model.spec import SourcedRequirement
from envc.model.value import replace
from envc.ports import CandidateSource
from envc.resolve.candidates import Candidates
from envc.resolve.demand import (
    PYTHON,
    Candidate,
    Demand,
    broken_demand,
    demands_of,
    exactly,
    python_demand,
    unread_demand,
)
from envc.resolve.lines import Lines, Unread
from envc.resolve.policy import holds

# Releases that one search looks into. The largest sites have two thousand; an index can make up
# projects as they are asked for, each requiring another one.
MOST_RELEASES = 10_000


class Provider:
    """What every search asks; each answer comes from `candidates` and the metadata.

    With `holds_base` a project of the base has no other candidate than the base's pin.
    """

    def __init__(
        self, problem: Problem, source: CandidateSource, *, holds_base: bool = False
    ) -> None:
        self.problem = problem
        self.candidates = Candidates(problem, source, holds_base=holds_base)
        self.source = source
        self.constraints = _by_project(problem, problem.constraints)
        self.overrides = _by_project(problem, problem.overrides)
        self.lines = Lines(problem.markers)
        self._urls = _urls_of(problem)
        self.inherited = {pin.project for pin in problem.inherited}
        self._dependencies: dict[Candidate, list[Demand]] = {}

    def matches(
        self,
        project: NormalizedName,
        extra: NormalizedName | None,
        *,
        demands: Collection[Demand],
        excluded: Collection[Version] = (),
    ) -> Iterator[Candidate]:
        """The candidates that demands and constraints accept, most preferred first."""
        self.source.go_on()
        bounds = [*demands, *self.constraints.get(project, [])]
        for candidate in self.candidates.of(project, bounds, excluded):
            yield candidate if extra is None else self.candidates.with_extra(candidate, extra)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """In the block, whatever searches with this ends after so long by a TimeIsUpError."""
        patient = self.source
        try:
            with patient.within(seconds) as hurried:
                self.source = self.candidates.source = hurried
                yield
        finally:
            self.source = self.candidates.source = patient

    def prefetch_metadata(self, candidate: Candidate) -> None:
        """Start to fetch what will be asked first, should the candidate be pinned."""
        self.source.prefetch_metadata(candidate.distributions[:1])

    def prefetch(self, demands: Iterable[Demand]) -> None:
        """Start to fetch the listings of projects that the base does not already pin."""
        projects = {demand.project for demand in demands}
        self.source.prefetch(sorted(projects - self.inherited - {PYTHON}))

    def look_into(self, candidate: Candidate) -> list[Demand]:
        """The candidate's demands; the listings that they will need are under way after it."""
        demands = self.dependencies(candidate)
        self.prefetch(demands)
        return demands

    def dependencies(self, candidate: Candidate) -> list[Demand]:
        """What a candidate demands, overrides applied; computed once.

        Raises:
            UnsatisfiableError: too many were looked into before it: there may be no end to them.
        """
        self.source.go_on()
        if candidate not in self._dependencies:
            if len(self._dependencies) >= MOST_RELEASES:
                raise UnsatisfiableError(
                    f"the search for the pins of {self.problem.layer} gave up after "
                    f"{MOST_RELEASES} releases, the last of them of {candidate.project}",
                    mend="give the projects with the most releases a lower bound; where projects "
                    "require each other without end, tell who runs the index",
                )
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
        if candidate.extra is not None:
            yield exactly(candidate)
        file = candidate.distributions[0]
        try:
            metadata = self.source.metadata(file)
        except MetadataError as error:
            if candidate.layer is not None:
                raise
            yield broken_demand(candidate, error.faults[0].what)
            return
        is_told = candidate.extra is not None or file.requires_python is not None
        if metadata.requires_python is not None and not is_told:
            demand = python_demand(candidate, metadata.requires_python)
            if demand is not None:
                yield demand
        yield from self._of_lines(candidate, metadata)

    def _of_lines(self, candidate: Candidate, metadata: CoreMetadata) -> Iterator[Demand]:
        """What the lines of the metadata demand, each overridden project once."""
        overridden: set[NormalizedName] = set()
        for line in self.lines.holding(metadata, candidate.extra):
            project = line.project() if isinstance(line, Unread) else canonicalize_name(line.name)
            if project in self.overrides:
                if project not in overridden:
                    overridden.add(project)
                    for override in self.overrides[project]:
                        yield replace(override, parent=candidate)
            elif isinstance(line, Requirement):
                url = self._strange_url(project, line, candidate)
                yield from demands_of(line, parent=candidate, url=url)
            elif candidate.layer is None:  # what the base has was let in when it was locked
                yield unread_demand(candidate, line)

    def _strange_url(
        self, project: NormalizedName, requirement: Requirement, parent: Candidate
    ) -> str | None:
        """The URL that a release's requirement names, where no line of a spec names it as well.

        Whoever writes a spec says where code comes from, not the authors of what it asks for. What
        the base has was let in by its own spec.
        """
        if requirement.url is None or parent.layer is not None:
            return None
        return None if _bare(requirement.url) in self._urls.get(project, ()) else requirement.url


def _urls_of(problem: Problem) -> dict[NormalizedName, set[str]]:
    """The URLs that lines of the layer's spec, and of the specs below it, name for each project."""
    found = {project: {_bare(url)} for project, url in problem.directs.items()}
    for sourced in (*problem.roots, *problem.kept):
        if sourced.requirement.url is not None:
            urls = found.setdefault(canonicalize_name(sourced.requirement.name), set())
            urls.add(_bare(sourced.requirement.url))
    return found


def _bare(url: str) -> str:
    """A URL without what only tells how its file is checked or built."""
    return urldefrag(url)[0]


def _by_project(
    problem: Problem, requirements: tuple[SourcedRequirement, ...]
) -> dict[NormalizedName, list[Demand]]:
    """Each project that constraints or overrides name → their demands that hold here.

    There may be none: an override that holds elsewhere takes here away what metadata says.
    """
    found: dict[NormalizedName, list[Demand]] = {}
    for sourced in requirements:
        demands = demands_of(sourced.requirement, sourced=sourced)
        bound = found.setdefault(demands[0].project, [])
        if holds(sourced, problem):
            bound.extend(demands)
    return found
