"""The site's indexes as one source of candidates, asked in parallel and ahead of need."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from packaging.utils import NormalizedName

from envc.disk.cache import Cache
from envc.disk.closing import Closing
from envc.errors import Fault, TimeIsUpError, UsageError
from envc.index.ahead import Ahead, Workers
from envc.index.client import Client
from envc.index.folder import FolderIndex
from envc.index.listing import Offer
from envc.index.reader import Elsewhere, MetadataReader
from envc.index.remote import RemoteIndex
from envc.model.release import CoreMetadata, Distribution, Release
from envc.model.spec import IndexSpec
from envc.ports import Reporter, SilentReporter

LISTINGS_TASK = "index"
METADATA_TASK = "metadata"
EXPLANATION_TASK = "explain"
TASK_UNITS = {LISTINGS_TASK: "projects", METADATA_TASK: "files"}


Index = FolderIndex | RemoteIndex


class _Arriving:
    """What the threads of a source have found meanwhile."""

    _offers: Ahead[NormalizedName, tuple[Offer, ...]]
    _metadata: Ahead[Distribution, CoreMetadata]

    def is_far(self) -> bool:
        """Whether an index had to be asked."""
        return self._offers.is_far or self._metadata.is_far

    def arrived_releases(self, project: NormalizedName) -> Sequence[Release] | None:
        """The project's releases, if they have come."""
        offers = self._offers.arrived(project)
        return None if offers is None else _newest_first(offers)

    def arrived_metadata(self, distribution: Distribution) -> CoreMetadata | None:
        """The distribution's metadata, if it has come."""
        return self._metadata.arrived(distribution)


class IndexSource(_Arriving, Closing):
    """Releases and metadata from the site's indexes (`ports.CandidateSource`).

    Unless `sources` names another one, the first index that has a project is the only one that
    is believed about it, though its page may list nothing: whoever keeps a name keeps others from
    it. An index that fails is not passed over: the next one could have a stranger's project of the
    same name. Explicit indexes serve only the projects that name them.

    `reader` has the files of what it lists, and knows the metadata of what was built here.

    With `offline` nobody is asked but who tells metadata from `elsewhere`.
    """

    def __init__(
        self,
        indexes: Sequence[IndexSpec],
        sources: Mapping[NormalizedName, str],
        *,
        cache: str,
        offline: bool = False,
        reporter: Reporter | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        _check_sources(indexes, sources)
        self._progress = _Progress(reporter or SilentReporter())
        self._client = Client(indexes)
        self._sources = sources
        warn = self._progress.reporter.warn
        kept = Cache(cache, warn=warn)
        self._indexes = {
            spec.name: _index(spec, kept, self._client, offline=offline, warn=warn)
            for spec in indexes
        }
        self._public = tuple(self._indexes[spec.name] for spec in indexes if not spec.explicit)
        names = {i.url: i.name for i in self._indexes.values() if isinstance(i, RemoteIndex)}
        self.reader = MetadataReader(
            cache=kept,
            client=self._client,
            names=names,
            offline=offline,
            elsewhere=elsewhere or Elsewhere(),
        )
        self._workers = Workers()
        self._offers = Ahead(self._workers, recall=self._recall, ask=self._search)
        self._metadata = Ahead(
            self._workers, recall=self.reader.remembered, ask=self._read_metadata
        )

    def close(self) -> None:
        """Give up what is still being fetched, at once, and close the connections."""
        self._workers.close(self._client.close)
        self.reader.wheels.close()
        self._progress.finish()

    @property
    def received_bytes(self) -> int:
        """How much has come from the indexes so far."""
        return self._client.received_bytes

    def fingerprints(self, projects: Iterable[NormalizedName]) -> dict[NormalizedName, str]:
        """Project → a text that changes when the indexes list something else of it.

        Raises:
            OutsideError: an index did not answer.
        """
        wanted = sorted(set(projects))
        self._offers.prefetch(wanted)
        return {
            project: " ".join(offer.fingerprint() for offer in self._offers.get(project))
            for project in wanted
        }

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Start to fetch what these projects' `releases` will need; returns at once."""
        self._offers.prefetch(projects)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """The project's releases, newest first; empty when no index has the project.

        Raises:
            OutsideError: an index did not answer.
        """
        return _newest_first(self._offers.get(project))

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Start to fetch the metadata of these distributions; returns at once."""
        self._metadata.prefetch(distributions)

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """The core metadata of a distribution.

        Raises:
            OutsideError: it cannot be had.
            MetadataError: it cannot be parsed, or is of another project.
            UntrustedError: it is not what the index promised.
        """
        return self._metadata.get(distribution)

    @contextmanager
    def within(self, seconds: float) -> Iterator["HurriedSource"]:
        """The same source for so long, with a task of its own for who watches."""
        reporter = self._progress.reporter
        reporter.start(EXPLANATION_TASK, 0, "releases")
        try:
            yield HurriedSource(self, self._offers, self._metadata, reporter, seconds)
        finally:
            reporter.finish(EXPLANATION_TASK)

    def go_on(self) -> None:
        """There is time."""

    def _recall(self, project: NormalizedName) -> tuple[Offer, ...] | None:
        return self._up_to_the_first(project, lambda index: index.remembered(project))

    def _search(self, project: NormalizedName) -> tuple[Offer, ...]:
        with self._progress.step(LISTINGS_TASK):
            return self._up_to_the_first(project, lambda index: index.offer(project)) or ()

    def _up_to_the_first(
        self, project: NormalizedName, ask: Callable[[Index], Offer | None]
    ) -> tuple[Offer, ...] | None:
        """What the indexes have, up to the first that has the project; None: one does not tell."""
        offers: list[Offer] = []
        name = self._sources.get(project)
        for index in self._public if name is None else (self._indexes[name],):
            offer = ask(index)
            if offer is None:
                return None
            offers.append(offer)
            if offer.found:
                if not offer.releases and name is None and index is not self._public[-1]:
                    self._progress.reporter.warn(
                        f"index {index.name!r} has a page of {project} without a release: "
                        "no later index is asked for it"
                    )
                if offer.announces and isinstance(index, RemoteIndex):
                    self.reader.note_announcement(index.url)
                break
        return tuple(offers)

    def _read_metadata(self, distribution: Distribution) -> CoreMetadata:
        with self._progress.step(METADATA_TASK):
            return self.reader.read(distribution)


class HurriedSource(_Arriving):
    """A source until its time is up; what comes later is kept for others."""

    def __init__(
        self,
        source: IndexSource,
        offers: Ahead[NormalizedName, tuple[Offer, ...]],
        metadata: Ahead[Distribution, CoreMetadata],
        reporter: Reporter,
        seconds: float,
    ) -> None:
        self._source = source
        self._reporter = reporter
        self._offers = offers
        self._metadata = metadata
        self._end = time.monotonic() + seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator["HurriedSource"]:
        """The same: there is no more time than there is."""
        del seconds
        yield self

    def go_on(self) -> None:
        """End whoever thinks too long."""
        if self._left() < 0:
            raise TimeIsUpError("the time is up")

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Start to fetch, as the source does."""
        self._source.prefetch(projects)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """As the source has them, if it has them in time."""
        return _newest_first(self._offers.get(project, self._left()))

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Start to fetch, as the source does."""
        self._source.prefetch_metadata(distributions)

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """As the source has it, if it has it in time."""
        self._reporter.advance(EXPLANATION_TASK)
        return self._metadata.get(distribution, self._left())

    def _left(self) -> float:
        return self._end - time.monotonic()


def _newest_first(offers: tuple[Offer, ...]) -> Sequence[Release]:
    return offers[-1].releases if offers else ()


class _Progress:
    """Tasks that begin with their first step: a run that the cache satisfies shows none."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._lock = threading.Lock()
        self._started: list[str] = []
        self._finished = False

    @contextmanager
    def step(self, task: str) -> Iterator[None]:
        """One step of a task, done when the block ends."""
        with self._lock:
            if task not in self._started and not self._finished:
                self._started.append(task)
                self.reporter.start(task, 0, TASK_UNITS[task])
        yield
        with self._lock:
            if not self._finished:  # what was given up ends unheard
                self.reporter.advance(task)

    def finish(self) -> None:
        """End the tasks that began; no other begins."""
        with self._lock:
            self._finished = True
            while self._started:
                self.reporter.finish(self._started.pop(0))


def _index(
    spec: IndexSpec, cache: Cache, client: Client, *, offline: bool, warn: Callable[[str], None]
) -> Index:
    if spec.path is not None:
        return FolderIndex(spec.name, spec.path, cache=cache)
    url = spec.url or ""
    return RemoteIndex(spec.name, url, cache=cache, client=client, offline=offline, warn=warn)


def _check_sources(indexes: Sequence[IndexSpec], sources: Mapping[NormalizedName, str]) -> None:
    names = {index.name for index in indexes}
    faults = [
        Fault(
            f"no index is called {name!r}",
            where=f"sources.{project}",
            mend="name one of the [[index]] tables: "
            + (", ".join(sorted(names)) or "there is none"),
        )
        for project, name in sorted(sources.items())
        if name not in names
    ]
    if faults:
        raise UsageError.of(faults)
