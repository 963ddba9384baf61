"""What the phases ask of the world. Adapters answer; tests answer with fakes."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from packaging.utils import NormalizedName

    from envc.model.digest import Digest
    from envc.model.nodes import Commands, Heard, Limits, Places
    from envc.model.release import CoreMetadata, Distribution, Release


class CandidateSource(Protocol):
    """The releases of projects and their metadata, as the site's indexes list them."""

    def prefetch(self, projects: Iterable[NormalizedName]) -> None:
        """Start to fetch what these projects' `releases` will need; returns at once."""

    def releases(self, project: NormalizedName) -> Sequence[Release]:
        """The project's releases, newest first; empty when no index has the project.

        Raises:
            OutsideError: an index did not answer.
        """

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        """Start to fetch the metadata of these distributions; returns at once."""

    def metadata(self, distribution: Distribution) -> CoreMetadata:
        """The core metadata of a distribution.

        Raises:
            OutsideError: it cannot be had.
            MetadataError: it cannot be parsed, or is of another project.
            UntrustedError: it is not what the index promised.
        """

    def is_far(self) -> bool:
        """Whether any answer so far had to be waited for: to look ahead saves time only then."""

    def arrived_releases(self, project: NormalizedName) -> Sequence[Release] | None:
        """Releases that were started on and have come since; None: `releases` may have to wait."""

    def arrived_metadata(self, distribution: Distribution) -> CoreMetadata | None:
        """Metadata that was started on and has come since; None: `metadata` may have to wait."""

    def within(self, seconds: float) -> AbstractContextManager[CandidateSource]:
        """The same source for so long, in a block in which it is asked why there are no pins.

        Whoever would wait for an answer any longer gets a TimeIsUpError.
        """

    def go_on(self) -> None:
        """Called again and again by whoever thinks long.

        Raises:
            TimeIsUpError: the time of this source is up.
        """


class TreeStore(Protocol):
    """Where the trees of a plan are linked from."""

    def tree(self, store_id: str) -> str:
        """The folder of a stored tree."""

    def layer_manifest(self, digest: Digest) -> str:
        """The file of a planned layer's manifest."""


class Engine(Protocol):
    """What runs commands on nodes. It carries control and files, and knows nothing of envc."""

    name: str

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """Run each node's command; `heard` is called once a node, in the order of the answers.

        Raises:
            OutsideError: the engine itself cannot be used.
        """

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """Copy a file to each node, to a path whose folder is there; status 0: it was written.

        What is there afterwards may still be cut off: whoever uses it compares its digest.

        Raises:
            OutsideError: the engine itself cannot be used.
        """


class Reporter(Protocol):
    """Hears of long work. Only `cli` draws; every method returns at once."""

    def start(self, task: str, total: int, unit: str) -> None:
        """A task of `total` units begins; `unit` is "files", "bytes", "projects"…; 0: unknown."""

    def advance(self, task: str, amount: int = 1) -> None:
        """So many more units are done. Called from any thread."""

    def finish(self, task: str) -> None:
        """The task has ended, done or not."""

    def note(self, message: str) -> None:
        """What is about to be done, for a person who watches."""

    def warn(self, message: str) -> None:
        """Something a person should know that is no error."""

    def holds(self, said: Callable[[], str], known: Callable[[], object] | None = None) -> None:
        """What is to be said when somebody ends the run from now on: asked for then, any thread.

        `known` is the report of what is known by then, for --json.
        """


class SilentReporter:
    """A reporter that nobody listens to."""

    def start(self, task: str, total: int, unit: str) -> None:
        """Nothing."""

    def advance(self, task: str, amount: int = 1) -> None:
        """Nothing."""

    def finish(self, task: str) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""

    def warn(self, message: str) -> None:
        """Nothing."""

    def holds(self, said: Callable[[], str], known: Callable[[], object] | None = None) -> None:
        """Nothing."""


_NOBODY: Reporter = SilentReporter()
# The reporter of the command that runs, for what is handed none.
REPORTER = ContextVar("reporter", default=_NOBODY)
