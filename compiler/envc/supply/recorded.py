"""A source of candidates that remembers whose listings were asked for."""

from collections.abc import Iterable, Sequence

from packaging.utils import NormalizedName

from envc.model.release import CoreMetadata, Distribution, Release
from envc.ports import CandidateSource


class RecordedSource:
    """`ports.CandidateSource` over another one."""

    def __init__(self, source: CandidateSource) -> None:
        self._source = source
        self._asked: set[NormalizedName] = set()

    def asked(self) -> tuple[NormalizedName, ...]:
        """The projects whose releases were asked for, in order."""
        return tuple(sorted(self._asked))

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """As the port has it."""
        self._source.prefetch(projects)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """As the port has it; remembered."""
        self._asked.add(project)
        return self._source.releases(project)

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """As the port has it."""
        self._source.prefetch_metadata(distributions)

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """As the port has it."""
        return self._source.metadata(distribution)
