"""Requirements that name a file, as the resolver sees them: each the one release of its project."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName

from envc.errors import ShadowRefusedError
from envc.lock import Base
from envc.model.release import CoreMetadata, Distribution, Release
from envc.model.resolution import Problem, Resolution
from envc.pipeline.supply.direct import Direct
from envc.ports import CandidateSource


class DirectSource:
    """`ports.CandidateSource`: the files that are named directly, the rest from another one."""

    def __init__(self, source: CandidateSource, directs: Iterable[Direct]) -> None:
        self._source = source
        self._releases = {
            each.project: (Release(each.project, each.file.version, (each.file,)),)
            for each in directs
        }

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """As the port has it."""
        self._source.prefetch(project for project in projects if project not in self._releases)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """As the port has it."""
        return self._releases.get(project) or self._source.releases(project)

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """As the port has it."""
        self._source.prefetch_metadata(distributions)

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """As the port has it: what is named directly was read already, and is in the cache."""
        return self._source.metadata(distribution)


def with_directs(problem: Problem, directs: Sequence[Direct]) -> Problem:
    """The problem, its direct requirements by version, and nothing of them taken from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    by_origin = {each.sourced.origin: each for each in directs}
    names = {each.project: each for each in directs}
    for pin in problem.inherited:
        if problem.shadow == "never" and pin.project in names:
            raise ShadowRefusedError(
                f"what {names[pin.project].sourced.requirement} names would replace {pin.project} "
                f"{pin.version} of layer {pin.layer}, and overlays may replace nothing here",
                where=str(names[pin.project].sourced.origin),
                mend="remove the line, or ask the site's administrator to allow shadows",
            )
    return replace(
        problem,
        roots=tuple(
            by_origin[root.origin].requirement if root.origin in by_origin else root
            for root in problem.roots
        ),
        inherited=tuple(pin for pin in problem.inherited if pin.project not in names),
        directs={each.project: each.sourced.requirement.url or "" for each in directs},
    )


def with_direct_shadows(
    resolution: Resolution, directs: Sequence[Direct], base: Base
) -> Resolution:
    """The resolution of such a problem, in which what the base has of them counts as shadowed."""
    visible = {pin.project for pin in base.visible_pins(resolution.problem.targets)}
    own = {pin.project for pin in resolution.own()}
    replaced = {each.project for each in directs} & visible & own
    return replace(resolution, shadows=tuple(sorted({*resolution.shadows, *replaced})))
