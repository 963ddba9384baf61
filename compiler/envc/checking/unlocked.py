"""An overlay without a lock that fits, resolved in memory: what `envc lock` would come to.

Nothing is built: an editable project is taken by the wheel that the present lock has of it.
"""

import os
from collections.abc import Iterable, Iterator

from envc.errors import BuildError, HashMissingError, UnexplainedError
from envc.index import IndexSource
from envc.lock import (
    Base,
    beside,
    lock_layer,
    overlay_inputs,
    overlay_problem,
    resolve_together,
    target_groups,
)
from envc.locking.known_base import KnownBase
from envc.locking.overlay_resolution import Edges, resolve_above
from envc.locking.report import LockOptions
from envc.locking.task import Start
from envc.model.lock import Lock
from envc.model.resolution import Problem, Resolution
from envc.model.spec import OverlaySpec, SiteSpec
from envc.model.value import value
from envc.ports import CandidateSource
from envc.sites.site import LockFile, overlay_lock_path
from envc.supply.editables import locked_editables
from envc.supply.given import GivenSource
from envc.supply.reference import (
    Reference,
    only_releases,
    with_directories,
    with_references,
    with_shadows,
)
from envc.supply.stale_overlays import declares_otherwise
from envc.supply.strangers import Reach


@value
class _Ways:
    """What an overlay is resolved with: its editable projects, the base's edges, the indexes."""

    editables: tuple[Reference, ...]
    edges: tuple[Edges, ...]
    source: CandidateSource


@value(kw_only=True)
class Unlocked:
    """An overlay, what it stands on, and the lock that does not fit (None: there is none).

    `reach` is what may be read for it (None: all), `mend` what to do where it must be locked.
    """

    site: SiteSpec
    spec: OverlaySpec
    under: KnownBase
    present: LockFile | None
    reach: Reach | None
    mend: str

    def resolved(
        self, edges: tuple[Edges, ...], indexes: IndexSource, source: CandidateSource
    ) -> Lock:
        """The lock that it would get; overlays are resolved with what `source` has of the indexes.

        `edges` are those of the base.

        Raises:
            UnsatisfiableError: there is no solution.
            BuildError: something would have to be built.
            HashMissingError: an index gives no hash.
        """
        editables = self._editables(indexes)
        for sourced in self.spec.requires:
            if sourced.requirement.url is not None:
                raise self._must_be_locked(f"{sourced.requirement.name} is named by a URL")
        base = self.under.base
        ways = _Ways(editables, edges, source)
        if not base.held:
            return self._lock_on(base, ways)
        from envc.locking.protected import protected  # few overlays stand on such a base

        def lock_on(base: Base) -> Lock:
            return self._lock_on(base, ways, explains=not base.held)

        try:
            return protected(self.site, self.spec, base, lock_on, lambda lock: lock)
        except UnexplainedError:
            return self._lock_on(base, ways)

    def _lock_on(self, base: Base, ways: _Ways, *, explains: bool = True) -> Lock:
        candidates = GivenSource(ways.source, only_releases(ways.editables))
        resolutions: list[Resolution] = []
        for problem, edges in zip(self._problems(base, resolutions), ways.edges, strict=True):

            def above(part: Problem, edges: Edges = edges) -> Resolution:
                return resolve_above(part, edges, candidates, explains=explains)

            found = resolve_together(with_references(problem, ways.editables), above)
            resolutions.append(with_shadows(found, ways.editables, base))
        self._refuse_what_no_lock_takes(resolutions)
        lock = lock_layer(
            self.spec.name,
            resolutions,
            inputs=overlay_inputs(self.site, self.spec, base),
            base=base,
            folder=self._folder,
        )
        return with_directories(lock, ways.editables)

    @property
    def _folder(self) -> str:
        return os.path.dirname(overlay_lock_path(self.spec))

    def _problems(self, base: Base, earlier: list[Resolution]) -> Iterator[Problem]:
        """What is asked on each group of targets; pins of the `earlier` ones are preferred."""
        start = Start(overlay_lock_path(self.spec), self.present, LockOptions())
        groups = target_groups(self.site.targets)
        for group, pins in zip(groups, self.under.pins, strict=True):
            problem = overlay_problem(
                self.site,
                self.spec,
                base=base,
                targets=group,
                preferred=start.preferred(group[0]),
                inherited=pins,
            )
            yield beside(problem, earlier)

    def _editables(self, indexes: IndexSource) -> tuple[Reference, ...]:
        """Its editable projects.

        Raises:
            BuildError: the lock has no wheel of one, or the project declares something else now.
        """
        if not self.spec.editable:
            return ()
        lock = self.present.lock if self.present is not None else None
        owner = None if self.reach is None else self.reach.owner
        found = locked_editables(self.spec, lock, indexes, folder=self._folder, owner=owner)
        for sourced in self.spec.editable:
            if sourced.path not in found:
                raise self._must_be_locked(f"{sourced.path} is editable")
        changed = declares_otherwise(lock, self._folder, self.reach) if lock is not None else ()
        for outdated in changed:
            raise self._must_be_locked(outdated.said(self.spec.name), why="")
        return tuple(found.values())

    def _refuse_what_no_lock_takes(self, resolutions: Iterable[Resolution]) -> None:
        for resolution in resolutions:
            for pin in resolution.own():
                for file in pin.distributions:
                    if file.kind == "sdist":
                        raise self._must_be_locked(f"{file.filename} is a source distribution")
                    if file.digest is None:
                        raise HashMissingError(
                            f"index {file.index} gives no sha256 for {file.filename}",
                            where=self.spec.file,
                            mend=self.mend,
                        )

    def _must_be_locked(
        self,
        what: str,
        why: str = ": what it contains shows only when it is built, and a check builds nothing",
    ) -> BuildError:
        return BuildError(
            f"{what}{why}",
            where=self.spec.file,
            mend=self.mend,
        )
