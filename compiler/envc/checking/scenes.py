"""A look into the wheels of an overlay: its scene on each target of the site."""

import os
import sys
from functools import lru_cache

from packaging.utils import NormalizedName

from envc.check import Scene, may_be_of_numpy_1, wanted_extensions, wanted_libraries
from envc.errors import SpecError
from envc.lock import select_wheels, with_absolute_paths
from envc.locking.known_base import KnownBase
from envc.model.lock import Lock, LockedWheel
from envc.model.python import version_of
from envc.model.spec import OverlaySpec
from envc.model.target import Target
from envc.model.value import replace, value
from envc.model.wheel import Library, Unknown, WheelContents
from envc.supply.contents import ContentsSource


@value
class Seen:
    """The scenes, and the wheels that could not be looked into."""

    scenes: tuple[Scene, ...]
    unknown: tuple[Unknown, ...]


def look_into(spec: OverlaySpec, under: KnownBase, lock: Lock, contents: ContentsSource) -> Seen:
    """What an overlay's own wheels contain, on what its base has."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    placed = with_absolute_paths(lock, folder)
    scenes: list[Scene] = []
    # In the dark is also an overlay whose base nobody could look into, unless it adds nothing.
    unknown = dict.fromkeys(under.unknown if lock.pins else ())
    for target, inventory in under.inventories:
        wheels = _wheels(placed, target)
        found = contents.contents(wheels.values(), folder=folder)
        own = [found[wheel.digest] for wheel in wheels.values()]
        scene = Scene(
            target=target,
            own=tuple(each for each in own if isinstance(each, WheelContents)),
            inventory=inventory,
            masked=frozenset(wheels.keys() | set(lock.hides)),
            standard=standard_modules(version_of(target.python)),
        )
        libraries, unread = _libraries(scene, wheels, under, contents, folder)
        unknown |= dict.fromkeys([*(e for e in own if isinstance(e, Unknown)), *unread])
        scenes.append(replace(scene, libraries=libraries))
    return Seen(tuple(scenes), tuple(unknown))


def _wheels(lock: Lock, target: Target) -> dict[NormalizedName, LockedWheel]:
    """The wheels that a target takes; a pin without one is a finding of its own."""
    try:
        return {pin.project: wheel for pin, wheel in select_wheels(lock, target)}
    except SpecError:
        found: dict[NormalizedName, LockedWheel] = {}
        for pin in lock.pins:
            try:
                chosen = select_wheels(replace(lock, pins=(pin,)), target)
            except SpecError:
                continue
            found |= {each.project: wheel for each, wheel in chosen}
        return found


def _libraries(
    scene: Scene,
    own: dict[NormalizedName, LockedWheel],
    under: KnownBase,
    contents: ContentsSource,
    folder: str,
) -> tuple[dict[NormalizedName, tuple[Library, ...]], list[Unknown]]:
    """The libraries of the projects whose headers matter."""
    wheels: dict[NormalizedName, LockedWheel] = {}
    linked = wanted_libraries(scene)
    for project in sorted(linked | wanted_extensions(scene)):
        wheel = own.get(project) or under.wheel(project, scene.target)
        if wheel is not None and (project in linked or may_be_of_numpy_1(wheel)):
            wheels[project] = wheel
    found = contents.libraries(wheels.values(), folder=folder) if wheels else {}
    read: dict[NormalizedName, tuple[Library, ...]] = {}
    unread: list[Unknown] = []
    for project, wheel in wheels.items():
        libraries = found[wheel.digest]
        if isinstance(libraries, Unknown):
            unread.append(libraries)
        else:
            read[project] = libraries
    return read, unread


@lru_cache
def standard_modules(python: str) -> frozenset[str]:
    """The names of the standard library's modules in an X.Y, at the top."""
    from stdlibs import KNOWN_VERSIONS, stdlib_module_names

    if python not in KNOWN_VERSIONS:
        return frozenset(sys.stdlib_module_names)
    return frozenset(stdlib_module_names(python))
