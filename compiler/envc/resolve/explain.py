"""Why no set of releases meets the demands, in sentences that name every origin."""

from collections.abc import Collection, Iterable
from itertools import groupby

from packaging.utils import NormalizedName
from packaging.version import Version
from resolvelib.resolvers import RequirementInformation

from envc.errors import UnsatisfiableError
from envc.resolve.candidates import describe
from envc.resolve.demand import PYTHON, Candidate, Demand
from envc.resolve.provider import Provider

_SHOWN_VERSIONS = 3


def explain(
    provider: Provider,
    roots: list[Demand],
    causes: Collection[RequirementInformation[Demand, Candidate]],
) -> UnsatisfiableError:
    """The error that says which demands cannot all be met, each with its origin."""
    demands = sorted(
        {id(cause.requirement): cause.requirement for cause in causes}.values(),
        key=lambda demand: (
            demand.project,
            demand.sourced is None,
            demand.text,
            str(demand.parent),
        ),
    )
    lines = [_headline(provider)]
    for project, grouped in groupby(demands, key=lambda demand: demand.project):
        about = list(grouped)
        reasons = dict.fromkeys(because(provider, roots, demand) for demand in about)
        lines += [f"  {reason}" for reason in reasons]
        lines += [
            f"  {_origin(constraint)} constrains {constraint.text}"
            for constraint in provider.constraints.get(project, [])
        ]
        for subject in _subjects(about):
            lines += [f"  {line}" for line in _supply(provider, subject)]
    asked = asked_by(provider, roots, demands)
    where = _origin(asked[0]) if asked else ""
    error = UnsatisfiableError("\n".join(lines), where=where, mend=_mend(provider, roots, demands))
    error.projects = tuple(_subjects(demands))
    return error


def _subjects(demands: Iterable[Demand]) -> list[NormalizedName]:
    """The projects that demands are about, in order of name; of the interpreter, who demands it."""
    return sorted(
        {
            demand.parent.project
            if demand.project == PYTHON and demand.parent is not None
            else demand.project
            for demand in demands
        }
    )


def asked_by(provider: Provider, roots: list[Demand], demands: Iterable[Demand]) -> list[Demand]:
    """The lines of this layer's spec that lead to the demands; those that are one come first."""
    direct: list[Demand] = []
    indirect: list[Demand] = []
    for demand in demands:
        if demand.parent is None:
            direct.append(demand)
        elif (chain := _chain(provider, roots, demand.parent)) is not None:
            indirect.append(chain[0])
    return [demand for demand in dict.fromkeys([*direct, *indirect]) if not demand.kept]


def because(provider: Provider, roots: list[Demand], demand: Demand) -> str:
    """One sentence: who asks for what, and for a release, how it came in."""
    if demand.parent is None:
        if demand.kept:
            return f"{_origin(demand)} keeps {demand.project} available"
        return f"{_origin(demand)} requires {demand.text}"
    parent = demand.parent
    said = f"{parent} requires {demand.text}"
    if demand.sourced is not None:
        said += f" (so overridden at {_origin(demand)})"
    chain = _chain(provider, roots, parent)
    if chain is None:
        return said
    root, path = chain
    came = f"{_origin(root)} {'keeps' if root.kept else 'requires'} {root.text}"
    if parent.layer is not None:
        came = f"from layer {parent.layer}: {came}"
    through = "".join(f", which requires {step}" for step in path[1:])
    return f"{said} ({came}{through})"


def _origin(demand: Demand) -> str:
    return str(demand.sourced.origin) if demand.sourced is not None else demand.text


def _headline(provider: Provider) -> str:
    problem = provider.problem
    targets = " and ".join(describe(target) for target in problem.targets)
    return f"no set of releases meets the requirements of {problem.layer} on {targets}:"


def _chain(
    provider: Provider, roots: list[Demand], goal: Candidate
) -> tuple[Demand, list[Candidate]] | None:
    """The shortest way from a root demand to a candidate, over all that the search has seen."""
    known = provider.known()
    by_key: dict[str, list[Candidate]] = {}
    for candidate in known:
        by_key.setdefault(candidate.key, []).append(candidate)
    waiting: list[tuple[Demand, list[Candidate]]] = [
        (root, [candidate])
        for root in roots
        for candidate in by_key.get(root.key, [])
        if root.accepts(candidate.version)
    ]
    seen: set[Candidate] = set()
    for root, path in waiting:
        if path[-1] is goal:
            return root, path
        if path[-1] in seen:
            continue
        seen.add(path[-1])
        for demand in known[path[-1]]:
            waiting += [
                (root, [*path, candidate])
                for candidate in by_key.get(demand.key, [])
                if demand.accepts(candidate.version)
            ]
    return None


def _supply(provider: Provider, project: NormalizedName) -> Iterable[str]:
    """What the indexes have of a project, and why some of it cannot be used here."""
    releases = provider.source.releases(project)
    inherited = next((p for p in provider.problem.inherited if p.project == project), None)
    if inherited is not None:
        yield f"layer {inherited.layer} has {project} {inherited.version}"
    if not releases:
        yield f"no index of the site has a project called {project}"
        return
    rejections = provider.candidates.rejections.get(project)
    if rejections is not None:
        for reason, versions in rejections.by_reason.items():
            yield f"passed over, {reason}: {project} {_versions(versions)}"
    finals = [release.version for release in releases if not release.version.is_prerelease]
    if finals:
        yield f"the newest release of {project} is {finals[0]}"
    else:
        yield f"{project} has prereleases only; the newest is {releases[0].version}"


def _versions(versions: list[Version]) -> str:
    shown = ", ".join(map(str, versions[:_SHOWN_VERSIONS]))
    more = len(versions) - _SHOWN_VERSIONS
    return f"{shown} and {more} more" if more > 0 else shown


def _mend(provider: Provider, roots: list[Demand], demands: list[Demand]) -> str:
    """The change that is nearest at hand."""
    relax = "relax a requirement above"
    asked = asked_by(provider, roots, demands)
    if asked:
        verb = "relax" if asked[0].specifier else "remove"
        relax = f"{verb} {asked[0].text!r} at {_origin(asked[0])}"
    missing = [d for d in demands if not _is_known(provider, d.project)]
    if missing and missing[0].parent is None:
        return f"correct the name {missing[0].project!r}, or add an [[index]] that has it"
    if missing:
        return f"add an [[index]] that has {missing[0].project!r}, or {relax}"
    bound = {demand.project for demand in demands}
    for project in sorted(bound & provider.constraints.keys()):
        for constraint in provider.constraints[project]:
            relax += f", or have {constraint.text!r} at {_origin(constraint)} relaxed"
    wanted = {root.project for root in roots if not root.kept}
    blockers = sorted({root.project for root in roots if root.kept} - wanted)
    if blockers:
        return f"{relax}, or hide {', '.join(blockers)} if this overlay can do without"
    return relax


def _is_known(provider: Provider, project: NormalizedName) -> bool:
    return project == PYTHON or bool(provider.source.releases(project))
