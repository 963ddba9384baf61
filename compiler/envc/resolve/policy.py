"""What the site's policy says of a project's releases: prereleases, yanked ones, and their order.

Everything here depends on the problem alone, never on what a search has pinned so far: so a project
has one list of versions, and an answer of "no" can be proved on it.
"""

from datetime import UTC
from typing import Literal

from packaging.specifiers import Specifier
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.model.release import Distribution
from envc.model.resolution import Problem
from envc.model.spec import PrereleasePolicy, SourcedRequirement
from envc.model.value import value

Kind = Literal[
    "prerelease",
    "yanked",
    "too new",
    "python",
    "tags",
    "sdist",
    "binary",
    "empty",
    "metadata",
]


@value
class Reason:
    """Why a release may not be chosen: which rule says so, and the words for it."""

    kind: Kind
    text: str


NOT_NAMED = Reason("prerelease", "a prerelease, and no line of the spec names one")
YANKED = Reason("yanked", "yanked")
ONLY_SDIST = Reason("sdist", "only a source distribution, and builds are not allowed")
ONLY_WHEELS = Reason("binary", "only wheels, and resolver.no-binary leaves them out")
NO_TIME = Reason("too new", "no upload time to compare")
NO_FILES = Reason("empty", "no files")


def holds(sourced: SourcedRequirement, problem: Problem) -> bool:
    """Whether a requirement of a spec applies on the problem's targets."""
    marker = sourced.requirement.marker
    return marker is None or marker.evaluate({**problem.markers, "extra": ""})


class Policy:
    """The policy of one problem.

    Stable releases are preferred to prereleases, unless these are allowed like any other. A line of
    the spec speaks for its project: one that names a prerelease permits prereleases where only such
    lines do, and one that pins a yanked release takes it. Sources: PEP 440, handling of
    pre-releases; PEP 592, installers.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._prereleases = dict(problem.policy.prerelease_by_project)
        self._named: set[NormalizedName] = set()
        self._files = set(problem.directs)
        self._exact: dict[NormalizedName, list[Specifier]] = {}
        self._direct = {canonicalize_name(s.requirement.name) for s in problem.roots}
        for sourced in (*problem.roots, *problem.constraints, *problem.overrides):
            if holds(sourced, problem):
                self._note(sourced)

    def _note(self, sourced: SourcedRequirement) -> None:
        project = canonicalize_name(sourced.requirement.name)
        if sourced.requirement.specifier.prereleases:
            self._named.add(project)
        if sourced.requirement.url is not None:
            self._files.add(project)
        exact = [part for part in sourced.requirement.specifier if _pins(part)]
        self._exact.setdefault(project, []).extend(exact)

    def prefers_lowest(self, project: NormalizedName) -> bool:
        """Whether the oldest release that fits is wanted, not the newest."""
        mode = self._problem.policy.resolution
        return mode == "lowest" or (mode == "lowest-direct" and project in self._direct)

    def prefers_stable(self, project: NormalizedName) -> bool:
        """Whether a prerelease is chosen only where no stable release can be."""
        return self._of_prereleases(project) != "allow"

    def refuses_prereleases(self, project: NormalizedName) -> Reason | None:
        """Why no prerelease may be chosen; None where one may be."""
        policy = self._of_prereleases(project)
        if policy == "disallow":
            return Reason("prerelease", f"a prerelease, and {self._key_of(project)} forbids them")
        if policy == "explicit" and project not in self._named:
            return NOT_NAMED
        return None

    def _of_prereleases(self, project: NormalizedName) -> PrereleasePolicy:
        """What is said of a project's prereleases; whoever names a file has chosen its version."""
        if project in self._files:
            return "allow"
        return self._prereleases.get(project, self._problem.policy.prereleases)

    def _key_of(self, project: NormalizedName) -> str:
        """The key of the spec that says it."""
        is_own = project in self._prereleases
        return f"resolver.prerelease.{project}" if is_own else "resolver.prereleases"

    def takes_yanked(self, project: NormalizedName, version: Version) -> bool:
        """Whether a yanked release may be chosen: one that the spec or the present lock pins."""
        if self._problem.preferred.get(project) == version:
            return True
        exact = self._exact.get(project, ())
        return any(part.contains(version, prereleases=True) for part in exact)

    def takes_wheels(self, project: NormalizedName) -> bool:
        """Whether the wheels that an index has of the project may be chosen."""
        return project not in self._problem.policy.no_binary

    def may_build(self, project: NormalizedName) -> bool:
        """Whether a source distribution may be chosen."""
        return self._problem.policy.may_build(project)

    def too_new(self, file: Distribution) -> Reason | None:
        """Why a file does not exist yet for this site; None for one that does.

        Nobody has uploaded a file of this machine, or one that a line of the spec names.
        """
        newest = self._problem.policy.exclude_newer
        if newest is None or file.url.startswith("file:") or file.project in self._files:
            return None
        uploaded = file.upload_time
        if uploaded is None:
            return NO_TIME
        if uploaded.replace(tzinfo=uploaded.tzinfo or UTC) >= newest:
            return Reason("too new", f"newer than {newest.isoformat()}")
        return None


def _pins(part: Specifier) -> bool:
    return part.operator == "===" or (part.operator == "==" and not part.version.endswith(".*"))
