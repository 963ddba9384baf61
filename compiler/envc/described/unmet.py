"""Which requirements an environment does not meet itself: what it lacks, and what it breaks."""

from collections.abc import Mapping

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.model.inventory import InstalledDistribution, Inventory, Unmet


def unmet_in(inventory: Inventory, markers: Mapping[str, str]) -> tuple[Unmet, ...]:
    """Its unmet requirements on a machine with these markers, in order of project.

    An extra counts where a distribution asks for it.
    """
    visible = {each.project: each for each in inventory.visible()}
    found: dict[tuple[str, str], Unmet] = {}
    asked: dict[NormalizedName, set[str]] = {project: {""} for project in visible}
    waiting = [(project, "") for project in sorted(visible)]
    while waiting:
        project, extra = waiting.pop()
        for line in visible[project].requires:
            requirement = Requirement(line)
            if not _holds(requirement.marker, markers, extra):
                continue
            needed = canonicalize_name(requirement.name)
            unmet = _unmet(visible[project], line, requirement, visible.get(needed))
            if unmet is not None:
                found[project, line] = unmet
            for more in sorted(requirement.extras) if needed in visible else ():
                name = canonicalize_name(more)
                if name not in asked[needed]:
                    asked[needed].add(name)
                    waiting.append((needed, name))
    return tuple(found[key] for key in sorted(found))


def _unmet(
    asker: InstalledDistribution,
    line: str,
    requirement: Requirement,
    present: InstalledDistribution | None,
) -> Unmet | None:
    if present is None:
        return Unmet(project=asker.project, requirement=line)
    if requirement.specifier.contains(present.version, prereleases=True):
        return None
    return Unmet(project=asker.project, requirement=line, present=present.version)


def _holds(marker: Marker | None, markers: Mapping[str, str], extra: str) -> bool:
    if marker is None:
        return not extra
    try:
        with_extra = marker.evaluate({**markers, "extra": extra})
        return with_extra and (not extra or not marker.evaluate({**markers, "extra": ""}))
    except (UndefinedComparison, UndefinedEnvironmentName):
        return False
