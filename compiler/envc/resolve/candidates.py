"""Which releases of a project may be pinned, in order of preference, and why others may not."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.release import Distribution, Release
from envc.model.resolution import Problem
from envc.ports import CandidateSource
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.files import TargetFiles
from envc.resolve.policy import Policy, Reason

# Releases that are looked at for a guess: what is not among the newest is waited for.
_MOST_GUESSED = 30

Rejections = dict[Reason, list[Version]]
"""Why releases of one project were passed over: reason → versions, in the order of the listing."""


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
        self._passed_over: list[tuple[NormalizedName, Version, Callable[[], Iterable[Reason]]]] = []
        self._rejections: dict[NormalizedName, Rejections] = {}
        self._files = [TargetFiles(target, self.policy) for target in problem.targets]
        self._inherited = {pin.project: pin for pin in problem.inherited}
        self._versions: dict[NormalizedName, _Remembered] = {}
        self._accepted: dict[tuple[NormalizedName, frozenset[Any]], _Remembered] = {}
        self._made: dict[tuple[NormalizedName, Version], Candidate | None] = {}
        self._extras: dict[tuple[Candidate, NormalizedName], Candidate] = {}

    @property
    def rejections(self) -> dict[NormalizedName, Rejections]:
        """Why releases were passed over, by project. An answer of "yes" never asks for it."""
        waiting, self._passed_over = self._passed_over, []
        for project, version, reasons in waiting:
            found = self._rejections.setdefault(project, {})
            for reason in reasons():
                versions = found.setdefault(reason, [])
                if version not in versions:
                    versions.append(version)
        return self._rejections

    def of(
        self, project: NormalizedName, demands: Collection[Demand], excluded: Collection[Version]
    ) -> Iterator[Candidate]:
        """The candidates that every demand accepts, most preferred first, made when asked for."""
        accepted = self._accepted_by(project, demands)
        made = (self.candidate(project, version) for version in accepted if version not in excluded)
        return last_resorts_behind(filter(None, made))

    def _accepted_by(self, project: NormalizedName, demands: Collection[Demand]) -> "_Remembered":
        """The versions that every demand accepts; searches ask for the same again and again."""
        key = (project, frozenset((each.specifier, each.exact, each.url) for each in demands))
        if key not in self._accepted:
            distinct = {(each.specifier, each.exact, each.url): each for each in demands}.values()

            def accepts(version: Version) -> bool:
                return all(demand.accepts(version) for demand in distinct)

            self._accepted[key] = _Remembered(filter(accepts, self._in_order(project)))
        return self._accepted[key]

    def among(
        self, project: NormalizedName, accepts: Callable[[Version], bool]
    ) -> Iterator[Candidate]:
        """The candidates whose version is accepted, most preferred first."""
        accepted = filter(accepts, self._in_order(project))
        made = (self.candidate(project, version) for version in accepted)
        return last_resorts_behind(filter(None, made))

    def with_extra(self, candidate: Candidate, extra: NormalizedName) -> Candidate:
        """The same release with an extra."""
        key = (candidate, extra)
        if key not in self._extras:
            self._extras[key] = replace(candidate, extra=extra)
        return self._extras[key]

    def versions(self, project: NormalizedName) -> tuple[Version, ...]:
        """Every version that the policy lets be chosen, most preferred first.

        The present lock's pin, that of other targets, then the base's, then the newest (or the
        oldest) first; prereleases last where they are a fallback, that of other targets too.
        Whether a release has something for the targets is seen only when its candidate is made.
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
            yield from sorted({Version(target.version) for target in self.problem.targets})
            return
        is_held = self.holds_base and project in self._inherited
        if not is_held:
            yield from self.preferred(project)
        if project in self._inherited:
            yield self._inherited[project].version
        if is_held:
            return
        releases = self.source.releases(project)
        prefers_stable = self.policy.prefers_stable(project)
        refusal = self.policy.refuses_prereleases(project)
        elsewhere = self.problem.elsewhere.get(project)
        prereleases: list[Version] = []
        lowest_first = self.policy.prefers_lowest(project)
        for release in reversed(releases) if lowest_first else releases:
            if not (prefers_stable and release.version.is_prerelease):
                yield release.version
            elif refusal is None:
                prereleases.append(release.version)
            else:
                why = partial(iter, (refusal,))
                self._passed_over.append((project, release.version, why))
        yield from sorted(prereleases, key=lambda version: version != elsewhere)

    def preferred(self, project: NormalizedName) -> Iterator[Version]:
        """The versions that come first: the present lock's, then that of other targets.

        Of other targets, a prerelease may be a fallback that this one can do without.
        """
        present = self.problem.preferred.get(project)
        elsewhere = self.problem.elsewhere.get(project)
        is_refused = self.policy.refuses_prereleases(project) is not None
        if present is not None and not (present.is_prerelease and is_refused):
            yield present
        is_behind = self.policy.prefers_stable(project)
        if elsewhere is not None and not (elsewhere.is_prerelease and is_behind):
            yield elsewhere

    def likely(
        self,
        project: NormalizedName,
        releases: Sequence[Release],
        accepts: Callable[[Version], bool],
    ) -> Distribution | None:
        """The file that is asked first if the first of these releases is chosen that may be.

        It is a guess, to be started on: why it passes over others is not noted.
        """
        present = self.problem.preferred.get(project) or self.problem.elsewhere.get(project)
        prefers_stable = self.policy.prefers_stable(project)
        in_order = reversed(releases) if self.policy.prefers_lowest(project) else releases
        for release in islice(in_order, _MOST_GUESSED):
            is_behind = prefers_stable and release.version.is_prerelease
            is_first = not is_behind if present is None else release.version == present
            file = self._files[0].best(release) if is_first and accepts(release.version) else None
            if file is not None:
                return file
        return None

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
                self._passed_over.append((project, version, partial(files.reasons, release)))
                return None
            chosen.append(file)
            last_resort |= files.is_beyond(file)
        is_new = version not in self.preferred(project)
        return Candidate(
            project,
            version,
            tuple(chosen),
            last_resort=last_resort and is_new,
            fallback=version.is_prerelease and is_new and self.policy.prefers_stable(project),
        )


def last_resorts_behind(found: Iterable[Candidate]) -> Iterator[Candidate]:
    """The same; those of a last resort come after the others, but no fallback before them."""
    waiting: list[Candidate] = []
    for candidate in found:
        if waiting and candidate.fallback and not waiting[0].fallback:
            yield from waiting
            waiting = []
        if candidate.last_resort:
            waiting.append(candidate)
        else:
            yield candidate
    yield from waiting


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
