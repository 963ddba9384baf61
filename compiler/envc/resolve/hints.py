"""What would help against a conflict: changes of the specs, each tried before it is offered.

A hint is a changed problem and the words for the change. Only those that can be solved are offered,
the least change first.
"""

from collections.abc import Iterator
from itertools import islice

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import OutsideError, TimeIsUpError, UnsatisfiableError
from envc.formats.nearest import nearest
from envc.model.python import version_of
from envc.model.resolution import Problem, Resolution
from envc.model.spec import Origin, SourcedRequirement
from envc.model.value import replace, value
from envc.resolve.candidates import Rejections
from envc.resolve.demand import PYTHON, Demand
from envc.resolve.explain import Told
from envc.resolve.lines import Unread
from envc.resolve.policy import NO_TIME, NOT_NAMED, ONLY_SDIST, YANKED
from envc.resolve.provider import Provider
from envc.resolve.reasons import origin_of
from envc.resolve.search import Conflict, solve

_OFFERED = 3
_NOWHERE = Origin("", 0, "")
_NO_TIMES = "remove resolver.exclude-newer: the index tells no upload times to compare (PEP 700)"
_PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")


@value
class Hint:
    """A change: the problem after it, the words for it, and whose new pin completes them.

    Of several hints that change the same thing, only the first that helps is offered.
    """

    problem: Problem
    words: str
    project: NormalizedName | None = None
    changes: SourcedRequirement | str | None = None

    def told(self, resolution: Resolution) -> str:
        """The words, with the release that the change leads to."""
        pins = {pin.project: pin.version for pin in resolution.pins}
        if self.project is None or self.project not in pins:
            return self.words
        return f"{self.words} (then {self.project} {pins[self.project]} is taken)"


def hints(conflict: Conflict) -> list[str]:
    """The changes that help, the least first; no more than a person wants to read.

    Where none makes the whole problem solvable, those that end this conflict, so that the next one
    shows. Builds are not tried: they run what they build. When the time is up, what has been found
    has to do; and where that is nothing, the change at which it was.
    """
    misspelt = _misspelt(conflict)
    if misspelt is not None:
        correction = f"correct the name {misspelt.project!r} at {origin_of(misspelt)}"
        near = nearest(misspelt.project, _known_projects(conflict))
        meant = f" (did you mean {near}?)" if near is not None else ""
        return [f"{correction}{meant}", _index_of(misspelt.project)]
    given_up: list[Hint] = []
    found = list(islice(_helping(conflict, given_up), _OFFERED))
    if not found and not given_up:
        helping = islice(_helping(_alone(conflict), given_up), _OFFERED)
        found = [f"{words}; another conflict is left then" for words in helping]
    if not found:
        found = [f"{hint.words} (not tried: that takes longer)" for hint in given_up[:1]]
    return [*found, *_builds(conflict), *_by_url(conflict)]


def _alone(conflict: Conflict) -> Conflict:
    """The conflict as a problem of its own: without the lines that have no part in it."""
    lines = {id(root.sourced) for root in conflict.roots}
    lines |= {id(constraint.sourced) for constraint in _constraints(conflict)}
    problem = conflict.provider.problem
    alone = replace(
        problem,
        roots=tuple(line for line in problem.roots if id(line) in lines),
        constraints=tuple(line for line in problem.constraints if id(line) in lines),
        kept=tuple(line for line in problem.kept if id(line) in lines),
    )
    provider = Provider(alone, conflict.provider.source)
    provider.candidates.rejections.update(conflict.provider.candidates.rejections)
    return Conflict(provider, conflict.roots, conflict.refutation)


def _builds(conflict: Conflict) -> Iterator[str]:
    """That a project could be built, where a release that would do is a source distribution."""
    demanded = {demand.project for demand in conflict.demands()}
    rejections = conflict.provider.candidates.rejections
    told = Told.of(conflict)
    for project in sorted(demanded & rejections.keys()):
        sources = rejections[project].get(ONLY_SDIST, ())
        if any(map(told.would_do(project), sources)):
            yield f"allow {project} to be built from source with resolver.no-build (not tried)"


def _by_url(conflict: Conflict) -> Iterator[str]:
    """That the spec could name a URL which a release names; trying it would fetch what is there."""
    named = {f"{each.project} @ {each.url}" for each in conflict.demands() if each.url is not None}
    for requirement in sorted(named):
        layer = conflict.provider.problem.layer
        yield f"add {requirement!r} to the requires of {layer} (not tried)"


def _helping(conflict: Conflict, given_up: list[Hint]) -> Iterator[str]:
    """The changes that were tried and helped; none that does more to a line than one before it.

    The one at which the time was up goes to `given_up`, and is the last.
    """
    changed: list[SourcedRequirement | str] = []
    for hint in _changes(conflict):
        if hint.changes in changed:
            continue
        try:
            answer = solve(hint.problem, conflict.provider.source)
        except TimeIsUpError:
            given_up.append(hint)
            return
        except (UnsatisfiableError, OutsideError):
            continue
        if isinstance(answer, Resolution):
            if hint.changes is not None:
                changed.append(hint.changes)
            yield hint.told(answer)


def _missing(conflict: Conflict) -> set[NormalizedName]:
    """The projects of the conflict that no index has."""
    source = conflict.provider.source
    inherited = {pin.project for pin in conflict.provider.problem.inherited}
    demanded = {demand.project for demand in conflict.demands() if demand.url is None}
    return {p for p in demanded - inherited - {PYTHON} if not source.releases(p)}


def _misspelt(conflict: Conflict) -> Demand | None:
    """The line of the spec whose project no index has; the first in order of name."""
    missing = _missing(conflict)
    own = (root for root in conflict.roots if root.project in missing and not root.kept)
    return min(own, key=lambda root: root.project, default=None)


def _known_projects(conflict: Conflict) -> list[NormalizedName]:
    """The projects that are there: inherited, in the present lock, and asked for; in their order.

    Those that an index has are not known: nobody reads the names of half a million.
    """
    problem, missing = conflict.provider.problem, _missing(conflict)
    named = {NormalizedName(canonicalize_name(each.requirement.name)) for each in problem.roots}
    named |= {pin.project for pin in problem.inherited}
    named |= {*problem.preferred, *problem.elsewhere, *conflict.provider.candidates.rejections}
    return sorted(named - missing)


def _index_of(project: NormalizedName) -> str:
    return f"add an [[index]] that has {project!r}"


def _of_missing(conflict: Conflict) -> Iterator[Hint]:
    """Indexes that have what releases ask for and no index has: as if nobody asked for it."""
    problem = conflict.provider.problem
    for project in sorted(_missing(conflict)):
        line = SourcedRequirement(Requirement(f"{project}; python_version < '0'"), _NOWHERE)
        yield Hint(replace(problem, overrides=(*problem.overrides, line)), _index_of(project))


def _changes(conflict: Conflict) -> Iterator[Hint]:
    """Every change that could help, the least first."""
    problem = conflict.provider.problem
    lines = list({id(root.sourced): root for root in conflict.roots}.values())
    own = [root for root in lines if not root.kept]
    for line in own:
        if line.specifier:
            yield Hint(
                replace(problem, roots=_with(problem.roots, line, relaxed=True)),
                f"relax {line.text!r} at {origin_of(line)}",
                line.project,
                line.sourced,
            )
    yield from _of_missing(conflict)
    yield from _of_releases(conflict)
    yield from _of_rules(conflict)
    if problem.can_hide:
        for line in lines:
            if line.kept:
                hidden = replace(problem, hide=problem.hide | {line.project})
                yield Hint(hidden, f"hide {line.project} if this overlay can do without")
    for line in own:
        yield Hint(
            replace(problem, roots=_with(problem.roots, line, relaxed=False)),
            f"{_removal(problem, line)} at {origin_of(line)}",
            changes=line.sourced,
        )


def _of_rules(conflict: Conflict) -> Iterator[Hint]:
    """Constraints and overrides that have a part in the conflict, left out."""
    problem = conflict.provider.problem
    for constraint in _constraints(conflict):
        yield Hint(
            replace(problem, constraints=_with(problem.constraints, constraint, relaxed=False)),
            f"have the constraint {constraint.text!r} at {origin_of(constraint)} relaxed",
            constraint.project,
        )
    if not problem.can_hide:
        for project in _unread(conflict):
            line = SourcedRequirement(Requirement(project), _NOWHERE)
            yield Hint(
                replace(problem, overrides=(*problem.overrides, line)),
                f"add {project!r} to the overrides: it replaces what nobody can read",
            )
    for override in _overrides(conflict):
        yield Hint(
            replace(problem, overrides=_with(problem.overrides, override, relaxed=False)),
            f"remove the override {override.text!r} at {origin_of(override)}",
        )


def _removal(problem: Problem, line: Demand) -> str:
    """Words for doing without a line: where desks are locked for as well, only there."""
    system = problem.markers["sys_platform"]
    if system == "linux" or line.sourced is None or line.sourced.requirement.marker is not None:
        return f"remove {line.text!r}"
    elsewhere = f"{line.text}; sys_platform != '{system}'"
    return f'write "{elsewhere}" for {line.text!r}'


def _constraints(conflict: Conflict) -> Iterator[Demand]:
    lines = {id(fact) for fact in conflict.refutation.facts}
    for constraint in conflict.provider.constraining():
        if id(constraint) in lines:
            yield constraint


def _unread(conflict: Conflict) -> list[str]:
    """The projects that lines begin with which nobody can read, in order of name."""
    named = {Unread(each.text).project() for each in conflict.demands() if each.unread}
    return sorted(filter(None, named))


def _overrides(conflict: Conflict) -> Iterator[Demand]:
    """The overrides that a release's requirements were replaced by, each once."""
    seen: set[int] = set()
    for demand in conflict.demands():
        if demand.parent is not None and demand.sourced is not None:
            if id(demand.sourced) not in seen:
                yield demand
            seen.add(id(demand.sourced))


def _with(
    lines: tuple[SourcedRequirement, ...], demand: Demand, *, relaxed: bool
) -> tuple[SourcedRequirement, ...]:
    """The lines without the demand's, or with it and no version specifier."""
    kept = [line for line in lines if line is not demand.sourced]
    if relaxed and demand.sourced is not None:
        requirement = Requirement(str(demand.sourced.requirement))
        requirement.specifier = SpecifierSet()
        kept.append(SourcedRequirement(requirement, demand.sourced.origin))
    return tuple(kept)


def _of_releases(conflict: Conflict) -> Iterator[Hint]:
    """Changes that would let releases be chosen which the policy or the target rules out."""
    problem = conflict.provider.problem
    rejections = conflict.provider.candidates.rejections
    demanded = {fact.project for fact in conflict.refutation.facts if isinstance(fact, Demand)}
    about = sorted(demanded & rejections.keys())
    for project in about:
        yield from _of_prereleases(problem, project, rejections[project])
        yield from _of_yanked(problem, project, rejections[project])
    kinds = {reason.kind for project in about for reason in rejections[project]}
    if "prerelease" in kinds and problem.policy.prereleases != "if-necessary":
        laxer = replace(problem.policy, prereleases="if-necessary")
        words = 'set resolver.prereleases to "if-necessary"'
        yield Hint(replace(problem, policy=laxer), words, changes="prereleases")
    if "too new" in kinds:
        later = replace(problem.policy, exclude_newer=None)
        reasons = {reason for project in about for reason in rejections[project]}
        is_dated = any(each.kind == "too new" and each != NO_TIME for each in reasons)
        words = "set a later resolver.exclude-newer, or none" if is_dated else _NO_TIMES
        yield Hint(replace(problem, policy=later), words)
    if "python" in kinds and not problem.inherited:
        yield from _on_newer_pythons(problem)
    if "tags" in kinds and len(problem.targets) > 1:
        for target in problem.targets:
            others = tuple(other for other in problem.targets if other is not target)
            yield Hint(replace(problem, targets=others), f"give up target {target.name}")


def _of_prereleases(
    problem: Problem, project: NormalizedName, rejections: Rejections
) -> Iterator[Hint]:
    """A constraint that names a prerelease, where that is enough; else a policy of its own."""
    if NOT_NAMED in rejections:
        bound = f"{project}>={min(rejections[NOT_NAMED])}"
        yield replace(_constrained(problem, bound, "prereleases"), changes="prereleases")
    if any(reason.kind == "prerelease" for reason in rejections):
        own = {**dict(problem.policy.prerelease_by_project), project: "if-necessary"}
        laxer = replace(problem.policy, prerelease_by_project=tuple(sorted(own.items())))
        words = f'set resolver.prerelease.{project} to "if-necessary"'
        yield Hint(replace(problem, policy=laxer), words, project, changes="prereleases")


def _of_yanked(problem: Problem, project: NormalizedName, rejections: Rejections) -> Iterator[Hint]:
    """A constraint that pins the newest yanked release."""
    if YANKED in rejections:
        bound = f"{project}=={max(rejections[YANKED])}"
        yield _constrained(problem, bound, "the yanked release")


def _constrained(problem: Problem, bound: str, what: str) -> Hint:
    """The problem with a further constraint, which allows something."""
    constraint = Requirement(bound)
    line = SourcedRequirement(constraint, _NOWHERE)
    return Hint(
        replace(problem, constraints=(*problem.constraints, line)),
        f"allow {what} of {constraint.name}: add {bound!r} to the constraints",
        NormalizedName(constraint.name),
    )


def _on_newer_pythons(problem: Problem) -> Iterator[Hint]:
    """The newer Pythons, the next one first; only one of them is offered."""
    present = problem.targets[0].python
    build = present.removeprefix(version_of(present))
    for python in _PYTHONS:
        if Version(python) > Version(version_of(present)):
            targets = tuple(
                replace(target, python_full=f"{python}.{target.python_full.rsplit('.', 1)[1]}")
                for target in problem.targets
            )
            words = f"set core.python to {python + build!r}"
            yield Hint(replace(problem, targets=targets), words, changes="core.python")
