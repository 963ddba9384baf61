"""Files that two projects of one overlay both install."""

from collections.abc import Iterator

from envc.check.make import finding
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding


def files(subject: Subject) -> Iterator[Finding]:
    """One finding for each two projects that claim a path with different content."""
    for scene in subject.scenes:
        for (first, second), paths in sorted(_collisions(scene).items()):
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            yield finding(
                codes.FILE_COLLISION,
                f"{first} and {second} both install {paths[0]}{more}, with different content",
                (first, second),
                where=subject.where(second),
                mend=f"take {first} or {second} out of the overlay, or pin a release without it",
            )


def _collisions(scene: Scene) -> dict[tuple[str, str], list[str]]:
    """Two projects → the paths that both claim, in order. Equal content is legal."""
    owners: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, str], list[str]] = {}
    for contents in scene.own:
        project = contents.facts.project
        for path, digest in contents.files.items():
            other = owners.setdefault(path, (project, digest))
            if other[1] != digest and not path.startswith("bin/"):
                found.setdefault((other[0], project), []).append(path)
    return {pair: sorted(paths) for pair, paths in found.items()}
