"""One layer or overlay to be locked: what is asked, where it starts, and what comes out."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.disk.cache import Cache
from envc.disk.memo import DigestMemo
from envc.formats.pylock import lock_to_text
from envc.lock import (
    Base,
    ProblemOf,
    beside,
    lock_layer,
    pinned_versions,
    resolve_together,
    target_groups,
)
from envc.locking.report import LockOptions
from envc.model.digest import Digest
from envc.model.lock import Lock
from envc.model.resolution import Group, Problem, Resolution
from envc.model.spec import SourcedRequirement
from envc.model.target import Target
from envc.model.value import replace, value
from envc.ports import CandidateSource
from envc.reports.change import Move
from envc.resolve import resolve
from envc.sites.site import LockFile
from envc.supply.building import Supply
from envc.supply.built_wheels import with_built_wheels
from envc.supply.given import GivenSource
from envc.supply.local_files import has_wheels_as_locked, is_as_locked
from envc.supply.reference import (
    Reference,
    has_editables,
    missing_copies,
    only_releases,
    with_directories,
    with_references,
    with_shadows,
)
from envc.supply.url_references import url_references
from envc.supply.wheelhouse import WheelCopy, has_its_wheels

if TYPE_CHECKING:
    from envc.model.arrival import ArrivedPins


@value
class Outcome:
    """A layer's lock, whether it differs from what the disk has, and wheels that come beside it.

    `warnings` are what a person should know; `moves`, of what people see another release now.
    `spent` is the file with the pins that a first lock started from, "": there was none.
    """

    file: LockFile
    changed: bool
    copies: tuple[WheelCopy, ...] = ()
    warnings: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    spent: str = ""


@value
class Start:
    """Where locking starts: the present lock (None where there is none), and what may move.

    The lock belongs at `path`; one that was lost has been read from a copy elsewhere. Where there
    never was one, `arrived` is what another tool had pinned.
    """

    path: str
    present: LockFile | None
    options: LockOptions
    arrived: "ArrivedPins | None" = None

    @property
    def lock(self) -> Lock | None:
        """The present lock, or one that pins what arrived."""
        if self.present is not None:
            return self.present.lock
        if self.arrived is None:
            return None
        from envc.lock.arrived import lock_of_pins  # once in a layer's life

        return lock_of_pins("", self.arrived.pins)

    def differs(self, text: bytes) -> bool:
        """Whether what stands at the lock's place is not this."""
        present = self.present
        return present is None or present.path != self.path or present.text != text

    @property
    def moving(self) -> frozenset[NormalizedName] | None:
        """The projects that may move; None: all."""
        if self.options.upgrade:
            return None
        return frozenset(map(canonicalize_name, self.options.projects))

    def preferred(self, target: Target) -> dict[NormalizedName, Version]:
        """The pins to keep if possible."""
        lock, moving = self.lock, self.moving
        if lock is None or moving is None:
            return {}
        pins = pinned_versions(lock, target.markers)
        return {project: pin for project, pin in pins.items() if project not in moving}


@value(kw_only=True)
class LockTask:
    """A layer or an overlay to be locked: its requirements, what it stands on, where it starts."""

    name: str
    requires: tuple[SourcedRequirement, ...]
    targets: tuple[Target, ...]
    base: Base
    inputs: Digest
    start: Start
    problem: ProblemOf
    editables: tuple[Reference, ...] = ()
    shared: Callable[[], tuple[Group, ...]] | None = None

    def outcome(self, supply: Supply) -> Outcome:
        """The lock and its wheels: the present one, where it would come out again."""
        present = self.start.present
        if present is None or not self._holds(present, supply):
            return self._resolved_anew(supply)
        return self._outcome(present.lock, present.text, missing_copies(self.editables))

    def _outcome(self, lock: Lock, text: bytes, copies: tuple[WheelCopy, ...]) -> Outcome:
        changed = self.start.differs(text)
        return Outcome(LockFile(self.start.path, text, lock), changed, copies)

    @property
    def _folder(self) -> str:
        return os.path.dirname(self.start.path)

    def _holds(self, present: LockFile, supply: Supply) -> bool:
        """Whether the present lock was made from all this, is whole, and nothing is to move."""
        lock, options = present.lock, self.start.options
        return (
            not (options.upgrade or options.projects)
            and lock.inputs == self.inputs
            and has_its_wheels(lock, self._folder)
            and has_editables(lock, self.editables)
            and is_as_locked(self.requires, lock, folder=self._folder)
            and has_wheels_as_locked(
                lock, DigestMemo(Cache(supply.context.cache)), folder=self._folder
            )
        )

    def _resolved_anew(self, supply: Supply) -> Outcome:
        from envc.supply.seen_files import note_of, with_seen_files  # most locks stay as they are

        folder, present = self._folder, self.start.lock
        by_url = url_references(
            self.requires, supply, present=present, folder=folder, moving=self.start.moving
        )
        references = (*self.editables, *by_url)
        seen = with_seen_files(
            self._resolutions(references, supply.source),
            supply,
            present=present,
            moving=self.start.moving,
        )
        arrived = self._compared_with_arrived(seen.resolutions, supply)
        chosen = with_built_wheels(seen.resolutions, supply, present=present, folder=folder)
        builds = (*chosen.builds, *(each.build for each in by_url if each.build is not None))
        lock = lock_layer(
            self.name,
            chosen.resolutions,
            inputs=self.inputs,
            base=self.base,
            folder=folder,
            builds=tuple(build for _, build in sorted({b.wheel: b for b in builds}.items())),
        )
        lock = with_directories(lock, self.editables)
        copies = (*chosen.copies, *(each.copy for each in references if each.copy is not None))
        outcome = self._outcome(lock, lock_to_text(lock), copies)
        unknown = {text for each in seen.resolutions for text in each.unknown_extras()}
        return replace(
            outcome,
            warnings=(*sorted(unknown), *note_of(seen.hashed), *arrived),
            moves=self._moves(seen.resolutions, supply) if outcome.changed else (),
            spent=self.start.arrived.path if self.start.arrived is not None else "",
        )

    def _compared_with_arrived(
        self, resolutions: Sequence[Resolution], supply: Supply
    ) -> tuple[str, ...]:
        """What a person should know of resolutions that started from another tool's pins.

        Raises:
            UntrustedError: a file is another one than was pinned there.
        """
        arrived, moving = self.start.arrived, self.start.moving
        if arrived is None or moving is None:
            return ()
        from envc.supply.promised_files import refuse_other_files, said_of_unneeded

        pins = [pin for pin in arrived.pins if pin.project not in moving]
        refuse_other_files(resolutions, pins, supply, arrived.path)
        return said_of_unneeded(resolutions, pins)

    def _moves(self, resolutions: Sequence[Resolution], supply: Supply) -> tuple[Move, ...]:
        from envc.locking.moves import Moving, moves_of  # most locks stay as they are

        options = self.start.options
        named = frozenset(map(canonicalize_name, options.projects))
        moving = Moving(named, everything=options.upgrade)
        source = GivenSource(supply.source, known=self.base.metadata())
        return moves_of(resolutions, self.start.lock, moving, source)

    def _resolutions(
        self, references: Sequence[Reference], indexes: CandidateSource
    ) -> list[Resolution]:
        """A resolution for each group of targets; later ones prefer what the earlier ones chose."""
        source = GivenSource(indexes, only_releases(references), self.base.metadata())
        found: list[Resolution] = []
        for group in target_groups(self.targets):
            problem = self.problem(targets=group, preferred=self.start.preferred(group[0]))
            problem = beside(with_references(problem, references), found)
            found.append(with_shadows(self._together(problem, source), references, self.base))
        return found

    def _together(self, problem: Problem, source: CandidateSource) -> Resolution:
        answer = partial(resolve, source=source)
        found = resolve_together(problem, answer)
        if self.shared is None or not (found.shadows or found.lifts):
            return found
        groups = self.shared()
        return resolve_together(replace(problem, together=groups), answer) if groups else found
