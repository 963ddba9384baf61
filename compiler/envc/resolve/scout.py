"""A scout starts on what a walk will ask for before it is its turn; it decides nothing.

A walk waits for one answer after the other, each in its turn. What comes meanwhile tells what is
needed next: a listing has the release that is likely to be chosen, whose metadata names projects.
Where a guess is wrong, one file was asked for in vain.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.errors import EnvcError
from envc.model.release import Distribution, Release
from envc.resolve.demand import PYTHON, Demand, demands_of
from envc.resolve.provider import Provider

# Projects that are guessed at. The largest sites have so many; an index can make up others without
# end, and a walk has its own bound.
_MOST_PROJECTS = 2_000

Extra = NormalizedName | None


class Scout:
    """What was heard of each project, and what is to be looked at once it has come."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._left_out = {PYTHON, *provider.inherited, *provider.overrides}
        self._demands: dict[NormalizedName, list[Demand]] = {}
        self._listings: set[NormalizedName] = set()
        self._files: dict[NormalizedName, Distribution] = {}
        self._metadata: set[tuple[NormalizedName, Extra]] = set()

    def hear(self, demands: Iterable[Demand]) -> None:
        """Take in what is demanded, or will be."""
        for demand in demands:
            project, extra = demand.project, demand.extra
            if project in self._left_out or len(self._demands) >= _MOST_PROJECTS:
                continue
            known = self._demands.setdefault(project, [])
            if not known:
                self._provider.source.prefetch([project])
                self._listings.add(project)
            if project in self._files and all(each.extra != extra for each in known):
                self._metadata.add((project, extra))
            known.append(demand)

    def look(self) -> None:
        """Look at what has come, and start on what that asks for, until there is nothing new."""
        while self._looks_at_listings() or self._looks_at_metadata():
            pass

    def _looks_at_listings(self) -> bool:
        """Look at the listings that have come; whether there are any."""
        came = False
        for project in sorted(self._listings):
            releases = self._provider.source.arrived_releases(project)
            if releases is not None:
                came = True
                self._listings.remove(project)
                self._guess(project, releases)
        return came

    def _looks_at_metadata(self) -> bool:
        """Look at the metadata that has come; whether there is any."""
        came = False
        for project, extra in sorted(self._metadata, key=str):
            metadata = self._provider.source.arrived_metadata(self._files[project])
            if metadata is not None:
                came = True
                self._metadata.remove((project, extra))
                for line in self._provider.lines.holding(metadata, extra):
                    if isinstance(line, Requirement):
                        self.hear(demands_of(line))
        return came

    def _guess(self, project: NormalizedName, releases: Sequence[Release]) -> None:
        """Start on the metadata of the release that is likely to be chosen."""
        bounds = (*self._demands[project], *self._provider.constraints.get(project, ()))

        def accepts(version: Version) -> bool:
            return all(demand.accepts(version) for demand in bounds)

        with suppress(EnvcError):  # whoever needs the release is told
            file = self._provider.candidates.likely(project, releases, accepts)
            if file is None:
                return
            self._files[project] = file
            self._provider.source.prefetch_metadata([file])
            self._metadata.update((project, demand.extra) for demand in self._demands[project])
