"""Projects of a base that share a regular package directory cannot be replaced one by one.

    azure_core: azure/__init__.py  azure/core.py     azure_disk: azure/disk.py

A layer that has the one's `azure/__init__.py` hides the whole directory below it, `azure.disk`
included: the projects are shadowed and lifted together. Portions of a namespace package (none has
an `__init__`) are joined from all layers instead.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from packaging.utils import NormalizedName

from envc.model.resolution import Group, Problem, Resolution
from envc.model.value import replace
from envc.model.wheel import ModuleTree, WheelFacts


def shared_packages(wheels: Iterable[WheelFacts]) -> tuple[Group, ...]:
    """The groups of projects to shadow and lift together, each and all in order of name.

    `wheels` are what a process on the base sees. Projects that share nothing are in no group; who
    shares with one of a group is in that group.
    """
    present: defaultdict[str, set[NormalizedName]] = defaultdict(set)
    regular: set[str] = set()
    for wheel in wheels:
        for path, is_package in folders(wheel.modules):
            present[path].add(wheel.project)
            if is_package:
                regular.add(path)
    return joined(present[path] for path in regular if len(present[path]) > 1)


def folders(tree: ModuleTree, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """The folders of importable names that a wheel claims: dotted name, whether it is a package."""
    for name, content in tree.items():
        if content == "module":
            continue
        yield prefix + name, content == "package"
        if isinstance(content, dict):
            yield from folders(content, f"{prefix}{name}.")


def joined(sets: Iterable[set[NormalizedName]]) -> tuple[Group, ...]:
    """Sets that have a project in common as one group."""
    groups: list[set[NormalizedName]] = []
    for projects in sets:
        apart = [group for group in groups if group.isdisjoint(projects)]
        groups = [*apart, projects.union(*(group for group in groups if group not in apart))]
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def resolve_together(problem: Problem, resolve: Callable[[Problem], Resolution]) -> Resolution:
    """The resolution of a problem in which whole groups of its `together` are replaced, or none.

    Where a group is replaced in part, its other projects are taken off the base, to be installed by
    the layer itself, at the base's versions if possible; what nobody asks for then is hidden. That
    may change further groups: as many rounds as there are groups suffice.
    """
    moved: set[NormalizedName] = set()
    while True:
        found = resolve(without(problem, moved))
        replaced = {*found.shadows, *found.lifts, *moved}
        gone = replaced.union(found.hides)
        inherited = {pin.project for pin in problem.inherited} - gone
        parted = [group for group in problem.together if not replaced.isdisjoint(group)]
        more = inherited.intersection(project for group in parted for project in group)
        if not more:
            break
        moved |= more
    own = {pin.project for pin in found.own()}
    return replace(
        found,
        problem=problem,
        lifts=tuple(sorted({*found.lifts, *(moved & own)})),
        hides=tuple(sorted({*found.hides, *(moved - own)})),
    )


def without(problem: Problem, moved: set[NormalizedName]) -> Problem:
    """The problem on a base that lacks these projects; its versions of them come first.

    Before those of the present lock: what is lifted follows the base as far as it can.
    """
    versions = {pin.project: pin.version for pin in problem.inherited if pin.project in moved}
    return replace(
        problem,
        inherited=tuple(pin for pin in problem.inherited if pin.project not in moved),
        preferred={**problem.preferred, **versions},
    )
