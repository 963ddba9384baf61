"""Shared libraries that look for others by a path that crosses layers.

A folder of the base that the overlay's libraries look into is linked into the overlay's tree, as
a whole; so it cannot be where the overlay has files of its own in it, nor where a masked project
has some.
"""

from collections.abc import Iterator
from posixpath import basename, dirname

from packaging.utils import NormalizedName

from envc.check.inventory import project_of
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding
from envc.model.wheel import Library


def wanted_libraries(scene: Scene) -> frozenset[NormalizedName]:
    """The projects, own and of the base, whose libraries must be read to judge the scene.

    Of the own ones, those that require a base project with shared libraries; of the base's, those
    that require a masked one.
    """
    providers = set(scene.inventory.shared.values())
    wanted = {
        contents.facts.project
        for contents in scene.own
        if any(".so" in basename(path) for path in contents.files)
        and not providers.isdisjoint(map(project_of, contents.facts.requires))
    }
    for masked in providers & scene.masked:
        wanted |= {
            project
            for project, _ in scene.inventory.requirers.get(masked, ())
            if scene.visible(project)
        }
    return frozenset(wanted)


def libraries(subject: Subject) -> Iterator[Finding]:
    """Libraries that do not find what they look for, or find what is no longer to be used."""
    for scene in subject.scenes:
        own = {contents.facts.project: contents for contents in scene.own}
        for project, found in sorted(scene.libraries.items()):
            if project in own:
                yield from _out_of_reach(subject, scene, project, found)
            else:
                yield from _left_behind(subject, scene, project, found)


def _out_of_reach(
    subject: Subject, scene: Scene, project: str, found: tuple[Library, ...]
) -> Iterator[Finding]:
    """Libraries that the stack has, but not where the project's libraries look for them."""
    here = {path for contents in scene.own for path in contents.files}
    own_folders = _folders(here)
    masked_folders = _folders(
        path for path, owner in scene.inventory.shared.items() if not scene.visible(owner)
    )
    missing: dict[NormalizedName, str] = {}
    for library in found:
        for needed in library.needed:
            places = [f"{folder}/{needed}" for folder in library.folders]
            owners = [scene.inventory.shared.get(place) for place in places]
            if any(place in here for place in places):
                continue
            for place, owner in zip(places, owners, strict=True):
                if owner is None:
                    continue
                folder = dirname(place)
                linked = folder not in own_folders and folder not in masked_folders
                if scene.visible(owner) and linked:
                    break
                missing.setdefault(owner, needed)
    for owner, needed in sorted(missing.items()):
        yield subject.finding(
            codes.LIBRARY_OUT_OF_REACH,
            f"{project} looks beside itself for {needed} of {scene.inventory.called(owner)}, "
            "which is not there in the overlay",
            *(project, owner),
            mend=f"have {owner} in the overlay too: add it to overlay.requires in a version of "
            "its own, or leave it as the base has it",
        )


def _left_behind(
    subject: Subject, scene: Scene, project: str, found: tuple[Library, ...]
) -> Iterator[Finding]:
    """Libraries of the base that go on loading files of a project that the overlay replaces."""
    told: set[str] = set()
    for library in found:
        for folder in library.folders:
            for needed in library.needed:
                owner = scene.inventory.shared.get(f"{folder}/{needed}")
                if owner is None or owner == project or scene.visible(owner) or owner in told:
                    continue
                told.add(owner)
                yield subject.finding(
                    codes.LIBRARY_OF_BASE,
                    f"{scene.inventory.called(project)} goes on loading {needed} of "
                    f"{scene.inventory.called(owner)}, which the overlay replaces",
                    *(owner, project),
                    mend=f"have {project} in the overlay too, or leave {owner} to the base",
                )


def _folders(paths: "set[str] | Iterator[str]") -> set[str]:
    """The folders that hold these files, and every folder above them."""
    found: set[str] = set()
    for path in paths:
        folder = dirname(path)
        while folder and folder not in found:
            found.add(folder)
            folder = dirname(folder)
    return found
