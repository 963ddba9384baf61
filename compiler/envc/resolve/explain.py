"""Why no set of releases meets the demands, in sentences that name every origin.

First the lines of the specs that contradict each other, as few as there can be; then, from these
lines onwards, what the releases that they ask for require; then where nothing is left, and what
the indexes have of it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import UnsatisfiableError
from envc.model.value import value
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.provider import Provider
from envc.resolve.reasons import because, origin_of, wanted_by
from envc.resolve.search import Conflict

_SHOWN_VERSIONS = 3
_NO_HINT = "change more than one of the lines above: no single change was found that helps"


def explain(conflict: Conflict, hints: Sequence[str]) -> UnsatisfiableError:
    """The error that says what contradicts what; `hints` are changes that were found to help."""
    told = Told.of(conflict)
    faulty = told.without_supply()
    problem = conflict.provider.problem
    targets = " and ".join(map(str, problem.targets))
    lines = [f"no set of releases meets the requirements of {problem.layer} on {targets}:"]
    lines += [f"  {line}" for line in (*told.causes(), *told.derivation())]
    for project in faulty:
        lines += [f"  {line}" for line in _supply(told, project)]
    asked = [root for root in told.roots if not root.kept] or told.roots
    where = origin_of(asked[0]) if asked else ""
    mend = "; or ".join(hints) or _NO_HINT
    error = UnsatisfiableError("\n".join(lines), where=where, mend=mend)
    error.projects = tuple(faulty)
    error.passed_over = tuple(filter(None, (told.passed_over(project) for project in faulty)))
    return error


@value
class Told:
    """The facts of a conflict, sorted into lines of specs and what releases demand."""

    provider: Provider
    roots: list[Demand]
    constraints: list[Demand]
    demands: list[Demand]

    @classmethod
    def of(cls, conflict: Conflict) -> "Told":
        """Those of its proof."""
        facts = list(conflict.demands())
        lines = {id(fact.sourced) for fact in facts if fact.parent is None}
        return cls(
            conflict.provider,
            sorted(
                (d for d in conflict.roots if id(d.sourced) in lines and d.extra is None),
                key=_by_place,
            ),
            [d for d in conflict.provider.constraining() if id(d.sourced) in lines],
            [fact for fact in facts if fact.parent is not None and fact.exact is None],
        )

    def causes(self) -> Iterator[str]:
        """The lines of the specs, each as a sentence."""
        for root in self.roots:
            yield because(self.provider, self.roots, root)
        for constraint in self.constraints:
            yield f"{origin_of(constraint)} constrains {constraint.text}"

    def derivation(self) -> Iterator[str]:
        """What releases demand, those that the specs ask for first, then what these ask for."""
        waiting = list(dict.fromkeys(root.project for root in self.roots))
        for project in waiting:
            for sentence, demanded in sorted(self._sentences(project)):
                yield sentence
                if demanded not in waiting:
                    waiting.append(demanded)

    def _sentences(self, project: NormalizedName) -> Iterator[tuple[str, NormalizedName]]:
        groups: dict[tuple[str, str], list[Demand]] = {}
        for demand in self.demands:
            if demand.parent is not None and demand.parent.project == project:
                groups.setdefault((demand.parent.key, demand.text), []).append(demand)
        for (key, text), demands in groups.items():
            parents = [demand.parent for demand in demands if demand.parent is not None]
            if demands[0].broken:
                yield f"{parents[0]} cannot be used: {text}", project
                continue
            is_cut = parents[0].extra is not None and not demands[0].unread
            wanted = text.partition(";")[0].strip() if is_cut else wanted_by(demands[0])
            said = f"{self._subject(key, parents)} {wanted}"
            if demands[0].sourced is not None:
                said += f" (so overridden at {origin_of(demands[0])})"
            yield said, demands[0].project

    def _subject(self, key: str, parents: list[Candidate]) -> str:
        """Releases of one project, and a verb that agrees with them."""
        candidates = self.provider.candidates
        project = parents[0].project
        versions = sorted({parent.version for parent in parents}, reverse=True)
        if len(versions) == 1:
            layer = parents[0].layer
            return f"{key} {versions[0]}{f' of layer {layer}' if layer else ''} requires"
        others = set(candidates.versions(project)) - set(versions)
        if not any(candidates.candidate(project, version) for version in others):
            return f"every release of {key} ({versions[-1]} to {versions[0]}) requires"
        return f"{key} {_listed(versions)} require"

    def without_supply(self) -> list[NormalizedName]:
        """The projects of which nothing is left, in order of name; else all that are demanded."""
        found: set[NormalizedName] = set()
        everything: set[NormalizedName] = set()
        for project in sorted({d.project for d in (*self.roots, *self.demands)}):
            about = self._about(project)
            blamed = (
                {d.parent.project for d in about if d.parent} if project == PYTHON else {project}
            )
            everything |= blamed
            is_left = self.provider.candidates.among(project, self.would_do(project))
            if next(is_left, None) is None:
                found |= blamed
        return sorted(found or everything)

    def _about(self, project: NormalizedName) -> list[Demand]:
        return [d for d in (*self.roots, *self.demands) if d.project == project]

    def would_do(self, project: NormalizedName) -> Callable[[Version], bool]:
        """Whether a version is accepted by every line, and by some release of each who demands."""
        about = self._about(project)
        lines = [d for d in (*about, *self.constraints) if not d.parent and d.project == project]
        speakers: dict[str, dict[Version, list[Demand]]] = {}
        for demand in about:
            if demand.parent is not None:
                releases = speakers.setdefault(demand.parent.key, {})
                releases.setdefault(demand.parent.version, []).append(demand)

        def accepts(version: Version) -> bool:
            return all(line.accepts(version) for line in lines) and all(
                any(all(d.accepts(version) for d in demands) for demands in releases.values())
                for releases in speakers.values()
            )

        return accepts

    def may_mean(self, project: NormalizedName, version: Version) -> bool:
        """Whether somebody who demands a project would accept a release of it."""
        about = self._about(project)
        return not about or any(demand.accepts(version) for demand in about)

    def passed_over(self, project: NormalizedName) -> tuple[str, str, str] | None:
        """A project that lines of specs ask for, where every release they accept was passed over.

        And why the newest was: of the old ones, most were made before the target was.
        """
        lines = [root for root in self.roots if root.project == project and not root.kept]
        releases = self.provider.source.releases(project) if lines else ()
        meant = [r.version for r in releases if all(line.accepts(r.version) for line in lines)]
        rejections = self.provider.candidates.rejections.get(project, {})
        why = {version: reason for reason, found in rejections.items() for version in found}
        if not meant or not why.keys() >= set(meant):
            return None
        return project, why[meant[0]].kind, f"{project} {meant[0]}: {why[meant[0]].text}"


def _by_place(demand: Demand) -> tuple[bool, str, int, str]:
    """The layer's own lines first, in the order of their files."""
    origin = demand.sourced.origin if demand.sourced is not None else None
    file, line = (origin.file, origin.line) if origin is not None else ("", 0)
    return (demand.kept, file, line, demand.text)


def _supply(told: Told, project: NormalizedName) -> Iterable[str]:
    """What there is of a project, and why some of it cannot be used here."""
    provider = told.provider
    releases = provider.source.releases(project)
    inherited = next((p for p in provider.problem.inherited if p.project == project), None)
    if any(demand.url is not None and demand.project == project for demand in told.demands):
        yield f"only a line of a spec may name the URL of {project}, and none names that one"
        return
    if not releases and inherited is None:
        yield f"no index of the site has a project called {project}"
        return
    for reason, versions in provider.candidates.rejections.get(project, {}).items():
        meant = [version for version in versions if told.may_mean(project, version)]
        if meant:
            yield f"passed over, {reason.text}: {project} {_listed(meant)}"
    yield f"so no release of {project} is left; {_newest(told, project)}"


def _newest(told: Told, project: NormalizedName) -> str:
    provider, policy = told.provider, told.provider.candidates.policy
    releases = provider.source.releases(project)
    finals = [release.version for release in releases if not release.version.is_prerelease]
    inherited = next((p for p in provider.problem.inherited if p.project == project), None)
    below = f"layer {inherited.layer} has {inherited.version}" if inherited is not None else ""
    if finals:
        newest = f"the newest is {finals[0]}"
        if releases[0].version > finals[0] and not policy.refuses_prereleases(project):
            newest += f", of prereleases {releases[0].version}"
    elif releases:
        newest = f"there are prereleases only, the newest is {releases[0].version}"
    else:
        newest = ""
    return ", ".join(filter(None, (below, newest)))


def _listed(versions: Sequence[Version]) -> str:
    shown = list(map(str, versions[:_SHOWN_VERSIONS]))
    more = len(versions) - _SHOWN_VERSIONS
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
