"""Why nothing that an overlay asks for can be taken: its own requirement against what there is."""

from collections.abc import Iterable, Sequence
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envc.model.release import Distribution, Release
from envc.model.target import Target
from envc.model.value import value

PassedKind = Literal["no-wheel", "python", "yanked"]

_WORDS: dict[PassedKind, str] = {
    "no-wheel": "has a wheel for target",
    "python": "runs on the Python of target",
    "yanked": "was left in place by its authors for target",
}


@value
class PassedOver:
    """That no release which a requirement accepts will do, for one reason that all share."""

    project: NormalizedName
    kind: PassedKind
    reason: str


def passed_over(
    requirement: Requirement, releases: Iterable[Release], targets: Sequence[Target]
) -> PassedOver | None:
    """The reason, for the first target that has one; None where some release will do."""
    specifier = requirement.specifier
    accepted = [r for r in releases if specifier.contains(r.version, prereleases=True)]
    accepted = [release for release in accepted if release.distributions]
    for target in targets:
        newest: PassedKind | None = None
        for release in accepted:
            kind = _kind(release, requirement, target)
            # The newest says it best: of the old ones, most were made before the target was.
            newest = newest or kind
            if kind is None:
                break
        else:
            if newest is None:
                return None
            project = canonicalize_name(requirement.name)
            reason = f"no release that {str(requirement)!r} accepts {_WORDS[newest]} {target.name}"
            python = f" ({target.platform}, Python {target.python_full})"
            return PassedOver(project, newest, reason + python)
    return None


def _kind(release: Release, requirement: Requirement, target: Target) -> PassedKind | None:
    """Why a target cannot take a release; None: it can."""
    files = release.distributions
    exact = any(part.operator in ("==", "===") for part in requirement.specifier)
    if not exact and all(file.yanked is not None for file in files):
        return "yanked"
    running = [file for file in files if _runs(file, target)]
    if not running:
        return "python"
    accepted = frozenset(target.tags)
    wheels = [file for file in running if file.kind == "wheel"]
    return None if any(not accepted.isdisjoint(file.tags) for file in wheels) else "no-wheel"


def _runs(file: Distribution, target: Target) -> bool:
    if not file.requires_python:
        return True
    try:
        return SpecifierSet(file.requires_python).contains(target.python_full, prereleases=True)
    except ValueError:
        return True
