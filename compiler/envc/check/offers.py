"""Why nothing that an overlay asks for can be taken: its own requirement against what there is."""

from collections.abc import Iterable, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envc.model import codes
from envc.model.release import Distribution, Release
from envc.model.target import Target
from envc.model.value import value

_WORDS = {
    codes.NO_WHEEL: "has a wheel for target",
    codes.REQUIRES_PYTHON: "runs on the Python of target",
    codes.YANKED: "was left in place by its authors for target",
}


@value
class PassedOver:
    """That no release which a requirement accepts will do: the finding's code, and the reason."""

    project: NormalizedName
    code: str
    reason: str


def passed_over(
    requirement: Requirement, releases: Iterable[Release], targets: Sequence[Target]
) -> PassedOver | None:
    """The reason, for the first target that has one; None where some release will do."""
    specifier = requirement.specifier
    accepted = [r for r in releases if specifier.contains(r.version, prereleases=True)]
    accepted = [release for release in accepted if release.distributions]
    for target in targets:
        newest: str | None = None
        for release in accepted:
            code = _code(release, requirement, target)
            # The newest says it best: of the old ones, most were made before the target was.
            newest = newest or code
            if code is None:
                break
        else:
            if newest is None:
                return None
            project = canonicalize_name(requirement.name)
            reason = f"no release that {str(requirement)!r} accepts {_WORDS[newest]} {target.name}"
            python = f" ({target.platform}, Python {target.python_full})"
            return PassedOver(project, newest, reason + python)
    return None


def _code(release: Release, requirement: Requirement, target: Target) -> str | None:
    """Why a target cannot take a release; None: it can."""
    files = release.distributions
    exact = any(part.operator in ("==", "===") for part in requirement.specifier)
    if not exact and all(file.yanked is not None for file in files):
        return codes.YANKED
    running = [file for file in files if _runs(file, target)]
    if not running:
        return codes.REQUIRES_PYTHON
    accepted = frozenset(target.tags)
    wheels = [file for file in running if file.kind == "wheel"]
    return None if any(not accepted.isdisjoint(file.tags) for file in wheels) else codes.NO_WHEEL


def _runs(file: Distribution, target: Target) -> bool:
    if not file.requires_python:
        return True
    try:
        return SpecifierSet(file.requires_python).contains(target.python_full, prereleases=True)
    except ValueError:
        return True
