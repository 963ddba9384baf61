"""A source of candidates of which some projects are given, and what was asked of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from packaging.utils import NormalizedName

from envc.model.release import CoreMetadata, Distribution, Release
from envc.ports import CandidateSource


class GivenSource:
    """`ports.CandidateSource`: the releases `given` of some projects, all else from another one.

    That one knows the metadata of what is given, but for the distributions whose URL is `known`,
    with theirs: those that stand in an environment, and in no index. `asked` are the projects whose
    releases were asked for.
    """

    def __init__(
        self,
        source: CandidateSource,
        given: Mapping[NormalizedName, Sequence[Release]] | None = None,
        known: Mapping[str, CoreMetadata] | None = None,
    ) -> None:
        self._source = source
        self._given = given or {}
        self._known = known or {}
        self.asked: set[NormalizedName] = set()

    @contextmanager
    def within(self, seconds: float) -> Iterator["GivenSource"]:
        """The same for so long: it asks what the other source answers within that."""
        with self._source.within(seconds) as source:
            hurried = GivenSource(source, self._given, self._known)
            hurried.asked = self.asked
            yield hurried

    def go_on(self) -> None:
        """As the other source has it."""
        self._source.go_on()

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Start to fetch the releases that are not given."""
        self._source.prefetch(project for project in projects if project not in self._given)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """The releases given, else those of the other source."""
        self.asked.add(project)
        return self._given.get(project) or self._source.releases(project)

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Start to fetch their metadata."""
        self._source.prefetch_metadata(
            each for each in distributions if each.url not in self._known
        )

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """What is known of a distribution."""
        return self._known.get(distribution.url) or self._source.metadata(distribution)

    def is_far(self) -> bool:
        """As the other source has it."""
        return self._source.is_far()

    def arrived_releases(self, project: NormalizedName) -> Sequence[Release] | None:
        """What has come of them meanwhile; this does not count as asked."""
        return None if project in self._given else self._source.arrived_releases(project)

    def arrived_metadata(self, distribution: Distribution) -> CoreMetadata | None:
        """What has come of it meanwhile."""
        return self._source.arrived_metadata(distribution)
