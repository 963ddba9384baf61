"""Why releases were passed over. An answer of "yes" needs no reasons: they wait to be asked for."""

from collections.abc import Callable, Iterable
from typing import Literal

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.value import value

Kind = Literal["prerelease", "yanked", "too new", "python", "tags", "sdist", "binary", "empty"]


@value
class Reason:
    """Why a release may not be chosen: which rule says so, and the words for it."""

    kind: Kind
    text: str


NOT_NAMED = Reason("prerelease", "a prerelease, and no line of the spec names one")
YANKED = Reason("yanked", "yanked")
ONLY_SDIST = Reason("sdist", "only a source distribution, and builds are not allowed")
ONLY_WHEELS = Reason("binary", "only wheels, and resolver.no-binary leaves them out")
NO_FILES = Reason("empty", "no files")


class Rejections:
    """Why releases of one project were passed over: reason → versions, newest first."""

    def __init__(self) -> None:
        self.by_reason: dict[Reason, list[Version]] = {}

    def add(self, reason: Reason, version: Version) -> None:
        """One more version, once."""
        versions = self.by_reason.setdefault(reason, [])
        if version not in versions:
            versions.append(version)


class PassedOver:
    """The releases that were passed over, in the order in which they were come to."""

    def __init__(self) -> None:
        self._waiting: list[tuple[NormalizedName, Version, Callable[[], Iterable[Reason]]]] = []
        self._found: dict[NormalizedName, Rejections] = {}

    def note(
        self, project: NormalizedName, version: Version, reasons: Callable[[], Iterable[Reason]]
    ) -> None:
        """One more release; `reasons` finds out why."""
        self._waiting.append((project, version, reasons))

    def by_project(self) -> dict[NormalizedName, Rejections]:
        """Why releases of each project were passed over."""
        waiting, self._waiting = self._waiting, []
        for project, version, reasons in waiting:
            rejections = self._found.setdefault(project, Rejections())
            for reason in reasons():
                rejections.add(reason, version)
        return self._found
