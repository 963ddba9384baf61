"""What is known of one overlay before it is judged."""

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from envc.check.inventory import Inventory
from envc.errors import UnsatisfiableError
from envc.model import codes
from envc.model.finding import Finding
from envc.model.lock import Lock, LockState
from envc.model.policy import FindingRule
from envc.model.target import Target
from envc.model.value import field, value
from envc.model.wheel import Library, Unknown, WheelContents


@value(kw_only=True)
class Scene:
    """An overlay on one target: its own wheels in order of project, and the inventory below them.

    `masked` are the base's projects that are invisible in it. `libraries` are those of the
    projects that `wanted_libraries` names, own and of the base. `standard` are the names of the
    standard library's modules.
    """

    target: Target
    own: tuple[WheelContents, ...]
    inventory: Inventory
    masked: frozenset[NormalizedName]
    standard: frozenset[str] = frozenset()
    libraries: Mapping[NormalizedName, tuple[Library, ...]] = field(default_factory=dict)

    def visible(self, project: NormalizedName) -> bool:
        """Whether the base's project is seen in the overlay."""
        return project not in self.masked


@value(kw_only=True)
class Subject:
    """What is known of one overlay.

    `lock` is its own when that is fresh, else the one that resolving in memory gave; None where
    that failed, and `failure` says why. `fits` tells that the present lock, if it is another
    one, has the same pins.
    There is a scene for each target, none without a lock. `origins` tell where the requirement
    stands that brings a project in; `yanked` why a release was withdrawn. `below` are the
    findings on what it stands on. `drift` is empty, or
    what is wrong with the overlay's tree. The site's rules come before the overlay's.
    """

    name: str
    spec: str
    state: LockState
    lock: Lock | None
    inventory: Inventory
    scenes: Sequence[Scene] = ()
    base: str = ""
    owner: str = ""
    fits: bool = False
    failure: UnsatisfiableError | None = None
    origins: Mapping[NormalizedName, str] = field(default_factory=dict)
    yanked: Mapping[NormalizedName, str] = field(default_factory=dict)
    unknown: Sequence[Unknown] = ()
    below: Sequence[Finding] = ()
    drift: str = ""
    site_rules: Sequence[FindingRule] = ()
    rules: Sequence[FindingRule] = ()

    def where(self, project: str) -> str:
        """The place of the requirement that brings a project in, else that of the spec."""
        return self.origins.get(NormalizedName(project), self.spec)

    def finding(
        self, code: str, message: str, *projects: str, mend: str = "", about: str | None = None
    ) -> Finding:
        """A finding of a code, at the line that brings in `about`, else the first of the projects.

        One that is about no project stands at the spec.
        """
        origin = about or next(iter(projects), None)
        where = self.spec if origin is None else self.where(origin)
        return codes.finding(code, message, projects, where=where, mend=mend)
