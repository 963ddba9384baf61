"""resolvelib over our candidates: pins, found by taking choices back."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import RequirementInformation
from resolvelib.resolvers import Resolution as Search

from envc.resolve.demand import Candidate, Demand, parts_of, preference
from envc.resolve.provider import Provider

MAXIMUM_ROUNDS = 10_000
# Where resolvelib runs into more conflicts than this, learning from each of them (`prove`) is
# faster by far: measured on one site, 0.15 s against 38 s.
PATIENCE_CONFLICTS = 100

# So many releases that contradict a pin are passed over; then the pin gives way. As uv has it.
_PASSED_AT_MOST = 5

Information = RequirementInformation[Demand, Candidate]


def backtrack(provider: Provider, roots: list[Demand]) -> list[Candidate] | None:
    """The candidates that resolvelib finds, and some that that were left behind; None: it gave up.

    Not resolvelib's `Resolver`: it asks of every pin for a way to the roots, and never ends where
    pins that were left behind require each other. Neither answer is to be believed: among projects
    that require each other in a circle, it forgets what a pin demanded that was taken back and
    comes again.
    """
    provider.prefetch(roots)
    questions = _Questions(provider)
    search: Search[Demand, Candidate, str] = Search(questions, _Impatient())
    questions.pins = lambda: search.state.mapping
    try:
        return list(search.resolve(roots, max_rounds=MAXIMUM_ROUNDS).mapping.values())
    except (ResolutionImpossible, ResolutionTooDeep):
        return None


class _Impatient(BaseReporter[Demand, Candidate, str]):
    """Counts conflicts, and ends a search that has run into too many."""

    def __init__(self) -> None:
        self._conflicts = 0

    def resolving_conflicts(
        self,
        causes: Collection[RequirementInformation[Demand, Candidate]],  # noqa: ARG002 - the base's
    ) -> None:
        """One more."""
        self._conflicts += 1
        if self._conflicts > PATIENCE_CONFLICTS:
            raise ResolutionTooDeep(self._conflicts)


class _Matches(Sequence[Candidate]):
    """Candidates, found when they are looked at, in an order that depends on what is pinned then.

    resolvelib keeps the first one that a function has given; of a sequence, it keeps none.
    """

    def __init__(
        self,
        found: Callable[[], Iterator[Candidate]],
        ordered: Callable[[Iterator[Candidate]], Iterator[Candidate]],
    ) -> None:
        self._found = found
        self._ordered = ordered

    def __bool__(self) -> bool:
        return next(self._found(), None) is not None

    def __iter__(self) -> Iterator[Candidate]:
        return self._ordered(self._found())

    def __len__(self) -> int:
        return sum(1 for _ in self._found())

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


class _Questions(AbstractProvider[Demand, Candidate, str]):
    """What resolvelib asks, in its words."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.pins: Callable[[], Mapping[str, Candidate]] = dict
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
        return preference(identifier, [known.requirement for known in information[identifier]])

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Demand]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Any:
        """The candidates, of which only those that are looked at are made.

        There may be no requirement left: resolvelib forgets those of a pin that it takes back.
        """
        demands = list(requirements[identifier])
        project, extra = parts_of(identifier)
        if extra is not None:
            # what binds the project binds its extras: without this, they would part and meet
            # again only by backtracking
            demands += list(requirements[project]) if project in requirements else []
        excluded = {candidate.version for candidate in incompatibilities[identifier]}

        def found() -> Iterator[Candidate]:
            return self._provider.matches(project, extra, demands=demands, excluded=excluded)

        best = next(found(), None)
        if best is not None:
            self._provider.prefetch_metadata(best)
        of_spec = any(demand.sourced is not None for demand in demands)
        return _Matches(found, partial(self._those_that_fit_first, of_spec=of_spec))

    def _those_that_fit_first(
        self, found: Iterator[Candidate], *, of_spec: bool
    ) -> Iterator[Candidate]:
        """The same; those that contradict what is pinned come after others, but for a few.

        resolvelib keeps a release and pins what it contradicts anew. So what nobody asked for would
        move what the spec asks for, though an older release of it leaves that alone. What the spec
        asks for rather moves another pin than to fall back to a prerelease.
        """
        passed: list[Candidate] = []
        for candidate in found:
            if of_spec and passed and candidate.fallback and not passed[0].fallback:
                yield from passed
                passed = []
            if not self._contradicts_a_pin(candidate):
                yield candidate
                continue
            passed.append(candidate)
            if len(passed) == _PASSED_AT_MOST:
                break
        yield from passed
        yield from found

    def _contradicts_a_pin(self, candidate: Candidate) -> bool:
        """Whether it demands another release of what is pinned, or of itself."""
        pins = {**self.pins(), candidate.key: candidate}
        return any(
            demand.key in pins and not demand.accepts(pins[demand.key].version)
            for demand in self._provider.dependencies(candidate)
        )

    def is_satisfied_by(self, requirement: Demand, candidate: Candidate) -> bool:
        """Whether the candidate's version is one that the demand accepts."""
        key = (requirement, candidate)
        if key not in self._met:  # asked again in every round
            self._met[key] = requirement.accepts(candidate.version)
        return self._met[key]

    def get_dependencies(self, candidate: Candidate) -> list[Demand]:
        """The candidate's demands; the listings that they will need are under way after it."""
        return self._provider.look_into(candidate)
