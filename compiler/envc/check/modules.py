"""Names that are imported: which project's module a process gets, and whose it does not."""

from collections.abc import Iterable, Iterator

from envc.check.inventory import Presence, presences
from envc.check.make import finding
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding

# What wheels bring along by mistake, many of them, and nobody imports.
_LITTER = frozenset(
    {"benchmarks", "conftest", "doc", "docs", "example", "examples", "setup", "test", "tests"}
)


def modules(subject: Subject) -> Iterator[Finding]:
    """Modules that hide others: the standard library's, and those of other projects."""
    for scene in subject.scenes:
        yield from _standard(subject, scene)
        for code, name, winner, loser in _hidden(scene):
            if code == codes.NAMESPACE_BROKEN:
                what = f"the package {name} of {_called(scene, winner)} hides what "
                what += f"{_called(scene, loser)} has in the namespace of that name"
            else:
                what = f"the module {name} of {_called(scene, winner)} hides that of "
                what += _called(scene, loser)
            own, other = (winner, loser) if _is_own(scene, winner) else (loser, winner)
            yield finding(
                code,
                what,
                sorted({winner, loser}),
                where=subject.where(own),
                mend=_mend(scene, own, other),
            )


def _called(scene: Scene, project: str) -> str:
    return project if _is_own(scene, project) else scene.inventory.called(project)


def _is_own(scene: Scene, project: str) -> bool:
    return any(contents.facts.project == project for contents in scene.own)


def _mend(scene: Scene, own: str, other: str) -> str:
    if _is_own(scene, other):
        return f"take {own} or {other} out of the overlay"
    return f"take {own} out of the overlay, or hide {other} if the overlay can do without it"


def _standard(subject: Subject, scene: Scene) -> Iterator[Finding]:
    for contents in scene.own:
        names = sorted((contents.facts.modules.keys() & scene.standard) - _LITTER)
        if names:
            project = contents.facts.project
            yield finding(
                codes.STANDARD_MODULE,
                f"{project} brings {', '.join(names)}, which the standard library has: "
                "the latter is imported",
                (project,),
                where=subject.where(project),
                mend=f"do without {project}: Python {scene.target.python} has it built in",
            )


def _hidden(scene: Scene) -> Iterator[tuple[str, str, str, str]]:
    """Code, dotted name, whose is imported, whose is hidden; the outermost name of each pair."""
    told: set[tuple[str, str, str]] = set()
    seen: dict[str, list[Presence]] = {}
    for contents in scene.own:
        for name, presence in presences(contents):
            if name.partition(".")[0] in _LITTER:
                continue
            for other in seen.get(name, ()):
                yield from _among(told, name, other, presence, same_layer=True)
            seen.setdefault(name, []).append(presence)
            below = scene.inventory.modules.get(name, ())
            for other in _visible(scene, below):
                yield from _among(told, name, presence, other, same_layer=False)


def _visible(scene: Scene, below: Iterable[Presence]) -> Iterator[Presence]:
    return (presence for presence in below if scene.visible(presence.project))


def _among(
    told: set[tuple[str, str, str]],
    name: str,
    near: Presence,
    far: Presence,
    *,
    same_layer: bool,
) -> Iterator[tuple[str, str, str, str]]:
    """What two presences under one name do to each other; `near` comes first on `sys.path`."""
    if near.kind == far.kind == "namespace":
        return
    if same_layer and "module" not in (near.kind, far.kind):
        return  # one folder: the files of both are in it, and `files` looks at those
    code = codes.MODULE_HIDDEN
    winner, loser = near, far
    if "namespace" in (near.kind, far.kind):
        code = codes.NAMESPACE_BROKEN
        winner, loser = (near, far) if far.kind == "namespace" else (far, near)
        if winner.joined:
            return
    elif near.joined and far.joined:
        return
    elif same_layer:
        if near.kind == far.kind:
            return  # one file: `files` looks at it
        winner, loser = (near, far) if near.kind == "package" else (far, near)
    if not any((code, p, q) in told for p, q in _pairs(near, far)):
        told.add((code, winner.project, loser.project))
        yield code, name, winner.project, loser.project


def _pairs(near: Presence, far: Presence) -> tuple[tuple[str, str], ...]:
    return (near.project, far.project), (far.project, near.project)
