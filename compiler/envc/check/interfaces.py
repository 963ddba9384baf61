"""Extensions that were compiled against another NumPy than the one that they would be served by.

NumPy 2 serves what was compiled with its own headers, for NumPy 1 as well, and refuses what was
compiled with those of NumPy 1. Many releases of that time say nothing of it in their metadata.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.check.inventory import project_of
from envc.check.subject import Scene, Subject
from envc.model import codes
from envc.model.finding import Finding
from envc.model.lock import LockedWheel

_NUMPY = NormalizedName("numpy")
# When NumPy 2.0 came out: extensions that are newer, and permit it, are compiled with its headers.
_NUMPY_2 = datetime(2024, 6, 16, tzinfo=UTC)


def wanted_extensions(scene: Scene) -> frozenset[NormalizedName]:
    """The projects, own and of the base, whose extensions a NumPy 2 might not serve.

    Those of the base only where the overlay brings it: else it is as it was.
    """
    version = _visible_numpy(scene)
    if version is None or version.major == 1:
        return frozenset()
    wanted = {
        contents.facts.project
        for contents in scene.own
        if any(".so" in path for path in contents.files)
        and _NUMPY in map(project_of, contents.facts.requires)
    }
    if _NUMPY in scene.masked:
        requirers = scene.inventory.requirers.get(_NUMPY, ())
        wanted |= {project for project, _ in requirers if scene.visible(project)}
    return frozenset(wanted)


def may_be_of_numpy_1(wheel: LockedWheel) -> bool:
    """Whether a wheel is as old as that, for all that its lock tells."""
    time = wheel.upload_time
    return time is None or time.replace(tzinfo=time.tzinfo or UTC) < _NUMPY_2


def interfaces(subject: Subject) -> Iterator[Finding]:
    """Extensions of NumPy 1 below a NumPy 2."""
    for scene in subject.scenes:
        version = _visible_numpy(scene)
        if version is None or version.major == 1:
            continue
        own = {contents.facts.project: contents.facts.version for contents in scene.own}
        for project in sorted(wanted_extensions(scene) & scene.libraries.keys()):
            extension = next((each for each in scene.libraries[project] if each.numpy_1), None)
            if extension is not None:
                called = scene.inventory.called(project)
                called = f"{project} {own[project]}" if project in own else called
                yield subject.finding(
                    codes.OTHER_INTERFACE,
                    f"{extension.path} of {called} was compiled against NumPy 1, and NumPy "
                    f"{version} is visible",
                    *(project, _NUMPY),
                    mend=f"ask for a newer release of {project}, or for numpy<2",
                )


def _visible_numpy(scene: Scene) -> Version | None:
    """The NumPy that a process on the overlay sees."""
    for contents in scene.own:
        if contents.facts.project == _NUMPY:
            return Version(contents.facts.version)
    pin = scene.inventory.pins.get(_NUMPY)
    return pin.version if pin is not None and scene.visible(_NUMPY) else None
