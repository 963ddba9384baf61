"""Which releases of a project may be pinned, in order of preference, and why others may not."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.release import Distribution, Release
from envc.model.resolution import Problem
from envc.ports import CandidateSource
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.files import TargetFiles
from envc.resolve.policy import Policy
from envc.resolve.rejections import FORBIDDEN, NOT_ASKED_FOR, PassedOver, Rejections


class Candidates:
    """The candidates of every project of one problem; each is made once and kept.

    With `holds_base` a project of the base has no other candidate than the base's pin.
    """

    def __init__(
        self, problem: Problem, source: CandidateSource, *, holds_base: bool = False
    ) -> None:
        self.problem = problem
        self.holds_base = holds_base
        self.source = source
        self.policy = Policy(problem)
        self._passed_over = PassedOver()
        self._files = [TargetFiles(target, self.policy) for target in problem.targets]
        self._inherited = {pin.project: pin for pin in problem.inherited}
        self._versions: dict[NormalizedName, _Remembered] = {}
        self._made: dict[tuple[NormalizedName, Version], Candidate | None] = {}
        self._extras: dict[tuple[Candidate, NormalizedName], Candidate] = {}

    @property
    def rejections(self) -> dict[NormalizedName, Rejections]:
        """Why releases were passed over, by project."""
        return self._passed_over.by_project()

    def of(
        self, project: NormalizedName, demands: Collection[Demand], excluded: Collection[Version]
    ) -> Iterator[Candidate]:
        """The candidates that every demand accepts, most preferred first, made when asked for."""

        def accepts(version: Version) -> bool:
            return version not in excluded and all(demand.accepts(version) for demand in demands)

        return self.among(project, accepts)

    def among(
        self, project: NormalizedName, accepts: Callable[[Version], bool]
    ) -> Iterator[Candidate]:
        """The candidates whose version is accepted: in order, those of a last resort at the end."""
        last_resort: list[Candidate] = []
        for version in self._in_order(project):
            candidate = self.candidate(project, version) if accepts(version) else None
            if candidate is None:
                continue
            if candidate.last_resort:
                last_resort.append(candidate)
            else:
                yield candidate
        yield from last_resort

    def with_extra(self, candidate: Candidate, extra: NormalizedName) -> Candidate:
        """The same release with an extra."""
        key = (candidate, extra)
        if key not in self._extras:
            self._extras[key] = Candidate(
                candidate.project,
                candidate.version,
                candidate.distributions,
                extra,
                candidate.layer,
            )
        return self._extras[key]

    def versions(self, project: NormalizedName) -> tuple[Version, ...]:
        """Every version that the policy lets be chosen, most preferred first.

        The present lock's pin, then the base's, then the newest (or the oldest) first. Whether a
        release has something for the targets is seen only when its candidate is made.
        """
        return tuple(self._in_order(project))

    def most_preferred(self, project: NormalizedName) -> Version:
        """The first of the versions, of a project that has some."""
        return next(iter(self._in_order(project)))

    def _in_order(self, project: NormalizedName) -> "_Remembered":
        """The same, each read from its listing when somebody comes to it."""
        if project not in self._versions:
            self._versions[project] = _Remembered(self._ordered(project))
        return self._versions[project]

    def _ordered(self, project: NormalizedName) -> Iterator[Version]:
        if project == PYTHON:
            yield from sorted({Version(target.python_full) for target in self.problem.targets})
            return
        is_held = self.holds_base and project in self._inherited
        preferred = self.problem.preferred.get(project)
        if preferred is not None and not is_held and self._may_stay(preferred):
            yield preferred
        if project in self._inherited:
            yield self._inherited[project].version
        if is_held:
            return
        releases = self.source.releases(project)
        takes_prereleases = self._takes_prereleases(project, releases)
        lowest_first = self.policy.prefers_lowest(project)
        for release in reversed(releases) if lowest_first else releases:
            if takes_prereleases or not release.version.is_prerelease:
                yield release.version
            else:
                forbidden = self.problem.policy.prereleases == "disallow"
                reason = FORBIDDEN if forbidden else NOT_ASKED_FOR
                self._passed_over.note(project, release.version, partial(iter, (reason,)))

    def _takes_prereleases(self, project: NormalizedName, releases: Sequence[Release]) -> bool:
        """Whether prereleases may be chosen; if only where necessary: where there is no choice.

        What a requirement accepts does not count: `a>1` does not ask for 2.0rc1 where 1.0 is.
        """
        takes = self.policy.takes_prereleases(project)
        if takes is not None:
            return takes
        finals = (release.version for release in releases if not release.version.is_prerelease)
        return not any(self.candidate(project, version) for version in finals)

    def _may_stay(self, preferred: Version) -> bool:
        """A prerelease that the lock has stays, unless the site has come to forbid them all."""
        return not (preferred.is_prerelease and self.problem.policy.prereleases == "disallow")

    def candidate(self, project: NormalizedName, version: Version) -> Candidate | None:
        """The candidate of a release, or None where it has nothing for one of the targets."""
        key = (project, version)
        if key not in self._made:
            self._made[key] = self._make(project, version)
        return self._made[key]

    def _make(self, project: NormalizedName, version: Version) -> Candidate | None:
        if project == PYTHON:
            return Candidate(project, version, ())
        inherited = self._inherited.get(project)
        if inherited is not None and inherited.version == version:
            return Candidate(project, version, inherited.distributions, layer=inherited.layer)
        releases = self.source.releases(project)
        release = next((r for r in releases if r.version == version), None)
        if release is None:
            return None
        chosen: list[Distribution] = []
        last_resort = False
        for files in self._files:
            file = files.best(release)
            if file is None:
                self._passed_over.note(project, version, partial(files.reasons, release))
                return None
            chosen.append(file)
            last_resort |= files.is_beyond(file)
        is_new = self.problem.preferred.get(project) != version
        return Candidate(project, version, tuple(chosen), last_resort=last_resort and is_new)


class _Remembered:
    """What an iterator gives, each version once, to be gone through as often as need be."""

    def __init__(self, source: Iterator[Version]) -> None:
        self._source = source
        self._known: set[Version] = set()
        self._order: list[Version] = []

    def __iter__(self) -> Iterator[Version]:
        position = 0
        while position < len(self._order) or self._goes_on():
            yield self._order[position]
            position += 1

    def _goes_on(self) -> bool:
        """Whether the source had another version, which is now the last one."""
        for version in self._source:
            if version not in self._known:
                self._known.add(version)
                self._order.append(version)
                return True
        return False
