"""Which releases of a project may be pinned, in order of preference, and why others may not."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.model.release import Distribution, Release
from envc.model.resolution import Problem
from envc.model.target import Target
from envc.ports import CandidateSource
from envc.resolve.demand import PYTHON, Candidate, Demand


@dataclass
class Rejections:
    """Why releases of one project were passed over: reason → versions, newest first."""

    by_reason: dict[str, list[Version]] = field(default_factory=dict)

    def add(self, reason: str, version: Version) -> None:
        """One more version, once."""
        versions = self.by_reason.setdefault(reason, [])
        if version not in versions:
            versions.append(version)


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
        self.rejections: dict[NormalizedName, Rejections] = {}
        self._targets = [
            (target, {tag: rank for rank, tag in enumerate(target.tags)})
            for target in problem.targets
        ]
        self._inherited = {pin.project: pin for pin in problem.inherited}
        self._direct = {canonicalize_name(s.requirement.name) for s in problem.roots}
        self._made: dict[tuple[NormalizedName, Version], Candidate | None] = {}
        self._extras: dict[tuple[Candidate, NormalizedName], Candidate] = {}

    def of(
        self, project: NormalizedName, demands: Collection[Demand], excluded: Collection[Version]
    ) -> Iterator[Candidate]:
        """The candidates that every demand accepts, most preferred first, made as they are asked.

        Preference: the present lock's pin, then the base's, then by the policy of the site.
        """
        given = set(excluded)
        for version in self._favourites(project):
            if version not in given and all(demand.accepts(version) for demand in demands):
                candidate = self.candidate(project, version)
                if candidate is not None:
                    given.add(version)
                    yield candidate
        for version in self._ordered(project, demands, given):
            candidate = self.candidate(project, version)
            if candidate is not None:
                yield candidate

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

    def _is_held(self, project: NormalizedName) -> bool:
        return self.holds_base and project in self._inherited

    def _favourites(self, project: NormalizedName) -> Iterator[Version]:
        if project == PYTHON:
            yield from {Version(target.python_full) for target in self.problem.targets}
        if project in self.problem.preferred and not self._is_held(project):
            yield self.problem.preferred[project]
        if project in self._inherited:
            yield self._inherited[project].version

    def _ordered(
        self, project: NormalizedName, demands: Collection[Demand], given: set[Version]
    ) -> Iterator[Version]:
        """Versions that the specifiers accept, prereleases by the site's policy, best first."""
        known = project == PYTHON or self._is_held(project)
        releases = () if known else self.source.releases(project)
        accepted = [
            release
            for release in releases
            if release.version not in given
            and all(demand.accepts(release.version) for demand in demands)
        ]
        if self._takes_lowest(project):
            accepted.reverse()
        policy = self.problem.policy.prereleases
        asked = any(demand.specifier.prereleases for demand in demands)
        if policy == "allow" or (asked and policy == "if-necessary"):
            yield from self._unyanked(accepted, demands)
            return
        finals = [release for release in accepted if not release.version.is_prerelease]
        usable = 0
        for version in self._unyanked(finals, demands):
            usable += self.candidate(project, version) is not None
            yield version
        if policy == "if-necessary" and not usable:
            prereleases = [release for release in accepted if release.version.is_prerelease]
            yield from self._unyanked(prereleases, demands)

    def _takes_lowest(self, project: NormalizedName) -> bool:
        mode = self.problem.policy.resolution
        return mode == "lowest" or (mode == "lowest-direct" and project in self._direct)

    def _unyanked(self, releases: list[Release], demands: Collection[Demand]) -> Iterator[Version]:
        """Versions that are not yanked, or that a demand pins exactly (PEP 592)."""
        pinned = any(_is_exact(demand.specifier) for demand in demands)
        for release in releases:
            files = release.distributions
            if not pinned and files and all(file.yanked is not None for file in files):
                self.reject(release.project, "yanked", release.version)
                continue
            yield release.version

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
        for target, ranks in self._targets:
            wheel = self._wheel_for(release, target, ranks)
            if wheel is None:
                return None
            chosen.append(wheel)
        return Candidate(project, version, tuple(chosen))

    def _wheel_for(
        self, release: Release, target: Target, ranks: Mapping[Tag, int]
    ) -> Distribution | None:
        """The wheel whose tag the target prefers most; of equals the highest build number."""
        allowed = [file for file in release.distributions if self._is_allowed(file, target)]
        wheels = [file for file in allowed if file.kind == "wheel"]
        ranked = [(rank, wheel) for wheel in wheels if (rank := _rank(wheel, ranks)) is not None]
        if ranked:
            best = min(rank for rank, _ in ranked)
            equals = [wheel for rank, wheel in ranked if rank == best]
            return max(equals, key=lambda wheel: (wheel.build, wheel.filename))
        if wheels:
            self.reject(release.project, f"no wheel for {describe(target)}", release.version)
        elif allowed:
            reason = "only a source distribution, and builds are not allowed"
            self.reject(release.project, reason, release.version)
        elif not release.distributions:
            self.reject(release.project, "no files", release.version)
        return None

    def _is_allowed(self, file: Distribution, target: Target) -> bool:
        newest = self.problem.policy.exclude_newer
        if newest is not None:
            uploaded = file.upload_time
            if uploaded is None:
                self.reject(file.project, "no upload time to compare", file.version)
                return False
            if uploaded.replace(tzinfo=uploaded.tzinfo or UTC) >= newest:
                self.reject(file.project, f"newer than {newest.isoformat()}", file.version)
                return False
        if file.requires_python and not _fits(file.requires_python, target.python_full):
            reason = f"needs Python {file.requires_python}"
            self.reject(file.project, reason, file.version)
            return False
        return True

    def reject(self, project: NormalizedName, reason: str, version: Version) -> None:
        """Remember why a version was passed over, for the explanation."""
        self.rejections.setdefault(project, Rejections()).add(reason, version)


def describe(target: Target) -> str:
    """A target in words: name, platform, libc and Python."""
    libc = f", {target.libc}" if target.libc else ""
    return f"target {target.name} ({target.platform}{libc}, Python {target.python})"


def _fits(requires_python: str, python_full: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python_full, prereleases=True)
    except InvalidSpecifier:
        return True  # pip takes an unreadable Requires-Python for absent, and so do its authors


def _rank(wheel: Distribution, ranks: Mapping[Tag, int]) -> int | None:
    """The place of the wheel's best tag among the target's, 0 first; None where none fits."""
    return min((ranks[tag] for tag in wheel.tags if tag in ranks), default=None)


def _is_exact(specifier: SpecifierSet) -> bool:
    return any(_pins(part) for part in specifier)


def _pins(part: Specifier) -> bool:
    return part.operator == "===" or (part.operator == "==" and not part.version.endswith(".*"))
