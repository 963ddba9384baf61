"""What two projects both have, modules, commands or files, and which of them hides the other."""

from collections.abc import Iterable, Iterator

from envc.check.inventory import Presence, presences
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding
from envc.model.wheel import WheelContents

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
            projects = sorted({winner, loser})
            mend = _mend(scene, own, other)
            yield subject.finding(code, what, *projects, about=own, mend=mend)


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
            yield subject.finding(
                codes.STANDARD_MODULE,
                f"{project} brings {', '.join(names)}, which the standard library has: "
                "the latter is imported",
                project,
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
            for other in below:
                if scene.visible(other.project):
                    yield from _among(told, name, presence, other, same_layer=False)


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
    pair = winner.project, loser.project
    if told.isdisjoint({(code, *pair), (code, *reversed(pair))}):
        told.add((code, *pair))
        yield code, name, *pair


def commands(subject: Subject) -> Iterator[Finding]:
    """Collisions in the overlay's own `bin/`, and base commands that it hides."""
    for scene in subject.scenes:
        taken: dict[str, tuple[str, str]] = {}
        for contents in scene.own:
            project = contents.facts.project
            for command, runs in _runs(contents):
                other, others = taken.setdefault(command, (project, runs))
                if other != project and others != runs:
                    yield subject.finding(
                        codes.COMMAND_TWICE,
                        f"{other} and {project} both install the command {command}",
                        *(other, project),
                        about=project,
                        mend=f"take {other} or {project} out of the overlay",
                    )
                for below in scene.inventory.commands.get(command, ()):
                    if scene.visible(below):
                        yield subject.finding(
                            codes.COMMAND_HIDDEN,
                            f"the command {command} of {project} hides that of "
                            f"{scene.inventory.called(below)}",
                            *(project, below),
                            mend=f"take {project} out of the overlay, or run the other one by "
                            "`envc run --layer`",
                        )


def _runs(contents: WheelContents) -> Iterator[tuple[str, str]]:
    """Every command of a wheel, and what it runs: an entry point, or the digest of a file."""
    for script in contents.facts.console_scripts:
        yield script.name, f"{script.module}:{script.attribute}"
    for path in contents.facts.scripts:
        yield path.removeprefix("bin/"), contents.files.get(path, "")


def files(subject: Subject) -> Iterator[Finding]:
    """One finding for each two projects that claim a path with different content."""
    for scene in subject.scenes:
        for first, second, what in collisions(scene.own):
            yield subject.finding(
                codes.FILE_COLLISION,
                what,
                *(first, second),
                about=second,
                mend=f"take {first} or {second} out of the overlay, or pin a release without it",
            )


def layer_collisions(layer: str, spec: str, own: Iterable[WheelContents]) -> Iterator[Finding]:
    """The same of the wheels of a common layer, in that spec of a site."""
    for first, second, what in collisions(own):
        yield codes.finding(
            codes.BASE_TWICE,
            what,
            (first, second),
            where=f"{spec} (layer.{layer}.requires)",
            mend=f"keep one of them: overrides = [\"{second}; python_version < '3'\"] in "
            f"[layer.{layer}] takes {second} out of it; or pin a release without this file",
        )


def collisions(own: Iterable[WheelContents]) -> Iterator[tuple[str, str, str]]:
    """Two projects of one tree that claim a path, and what is to be said of them.

    Equal content is legal.
    """
    owners: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, str], list[str]] = {}
    for contents in own:
        project = contents.facts.project
        for path, digest in contents.files.items():
            other = owners.setdefault(path, (project, digest))
            if other[1] != digest and not path.startswith("bin/"):
                found.setdefault((other[0], project), []).append(path)
    for (first, second), paths in sorted(found.items()):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        what = f"{first} and {second} both install {min(paths)}{more}, with different content"
        yield first, second, what
