"""The site's indexes as one source of candidates, asked in parallel and ahead of need."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from packaging.utils import NormalizedName

from envc.disk.cache import Cache
from envc.disk.closing import Closing
from envc.errors import Fault, UsageError
from envc.index.ahead import Ahead, Workers
from envc.index.client import Client
from envc.index.folder import FolderIndex
from envc.index.listing import Offer
from envc.index.reader import MetadataReader, Prepare
from envc.index.remote import Mode, RemoteIndex
from envc.model.digest import Digest
from envc.model.release import CoreMetadata, Distribution, Release
from envc.model.spec import IndexSpec
from envc.ports import Reporter, SilentReporter

LISTINGS_TASK = "index"
METADATA_TASK = "metadata"
TASK_UNITS = {LISTINGS_TASK: "projects", METADATA_TASK: "files"}


class IndexSource(Closing):
    """Releases and metadata from the site's indexes (`ports.CandidateSource`).

    Unless `sources` names another one, the first index that has a project is the only one that
    is believed about it. An index that fails is not passed over: the next one could have a
    stranger's project of the same name. Explicit indexes serve only the projects that name them.

    `mode`: "refresh" asks the indexes about everything that the cache holds, "offline" nobody.
    `prepare` tells the metadata of source distributions that do not tell it themselves.
    """

    def __init__(
        self,
        indexes: Sequence[IndexSpec],
        sources: Mapping[NormalizedName, str],
        *,
        cache: str,
        mode: Mode = "online",
        reporter: Reporter | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        _check_sources(indexes, sources)
        self._progress = _Progress(reporter or SilentReporter())
        self._client = Client(indexes)
        self._sources = sources
        kept = Cache(cache, warn=self._progress.reporter.warn)
        self._indexes = {spec.name: _index(spec, mode, kept, self._client) for spec in indexes}
        self._public = tuple(self._indexes[spec.name] for spec in indexes if not spec.explicit)
        names = {i.url: i.name for i in self._indexes.values() if isinstance(i, RemoteIndex)}
        self._reader = MetadataReader(
            cache=kept,
            client=self._client,
            names=names,
            offline=mode == "offline",
            prepare=prepare,
        )
        self._workers = Workers()
        self._releases = Ahead(self._workers, recall=self._recall, ask=self._search)
        self._fingerprints = Ahead(
            self._workers, recall=self._remembered_fingerprint, ask=self._fingerprint
        )
        self._metadata = Ahead(
            self._workers, recall=self._reader.remembered, ask=self._read_metadata
        )

    def close(self) -> None:
        """Give up what is still being fetched, at once, and close the connections."""
        self._workers.close(self._client.close)
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
        self._fingerprints.prefetch(wanted)
        return {project: self._fingerprints.get(project) for project in wanted}

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Start to fetch what these projects' `releases` will need; returns at once."""
        self._releases.prefetch(projects)

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """The project's releases, newest first; empty when no index has the project.

        Raises:
            OutsideError: an index did not answer.
        """
        return self._releases.get(project)

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Start to fetch the metadata of these distributions; returns at once."""
        self._metadata.prefetch(distributions)

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """The core metadata of a distribution.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: it is not what the index promised, or cannot be parsed.
        """
        return self._metadata.get(distribution)

    def adopt(self, wheel: Distribution, path: str) -> None:
        """Know the metadata of a wheel that was built here, wherever its `url` will lead to.

        Raises:
            OutsideError, UntrustedError: the file cannot be read, or is another project's.
        """
        self._reader.adopt(wheel, path)

    @property
    def cache(self) -> str:
        """The folder of the cache."""
        return self._reader.cache_folder

    @property
    def is_offline(self) -> bool:
        """Whether nobody is to be asked."""
        return self._reader.is_offline

    def fetch(self, url: str, filename: str, digest: Digest | None) -> tuple[str, Digest]:
        """A file with what is at a URL, and its digest: the one expected, if one is.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: the bytes are not those of the digest.
        """
        return self._reader.fetch(url, filename, digest)

    def file(self, distribution: Distribution) -> str:
        """A file with the distribution's bytes, as its digest demands.

        Raises:
            OutsideError: it cannot be had.
            UntrustedError: the bytes are not those of the digest.
        """
        return self._reader.file(distribution)

    def _indexes_of(self, project: NormalizedName) -> Sequence[FolderIndex | RemoteIndex]:
        name = self._sources.get(project)
        return self._public if name is None else (self._indexes[name],)

    def _recall(self, project: NormalizedName) -> Sequence[Release] | None:
        for index in self._indexes_of(project):
            offer = index.remembered(project)
            if offer is None:
                return None
            if offer.found:
                return self._accept(offer, index)
        return ()

    def _search(self, project: NormalizedName) -> Sequence[Release]:
        with self._progress.step(LISTINGS_TASK):
            for index in self._indexes_of(project):
                offer = index.offer(project)
                if offer.found:
                    return self._accept(offer, index)
        return ()

    def _remembered_fingerprint(self, project: NormalizedName) -> str | None:
        texts: list[str] = []
        for index in self._indexes_of(project):
            known = index.remembered_fingerprint(project)
            if known is None:
                return None
            texts.append(known[1])
            if known[0]:
                break
        return " ".join(texts)

    def _fingerprint(self, project: NormalizedName) -> str:
        texts: list[str] = []
        for index in self._indexes_of(project):
            found, text = index.fingerprint(project)
            texts.append(text)
            if found:
                break
        return " ".join(texts)

    def _accept(self, offer: Offer, index: FolderIndex | RemoteIndex) -> Sequence[Release]:
        if offer.announces and isinstance(index, RemoteIndex):
            self._reader.note_announcement(index.url)
        return offer.releases

    def _read_metadata(self, distribution: Distribution) -> CoreMetadata:
        with self._progress.step(METADATA_TASK):
            return self._reader.read(distribution)


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


def _index(spec: IndexSpec, mode: Mode, cache: Cache, client: Client) -> FolderIndex | RemoteIndex:
    if spec.path is not None:
        return FolderIndex(spec.name, spec.path, cache=cache)
    return RemoteIndex(spec.name, spec.url or "", cache=cache, client=client, mode=mode)


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
