"""One overlay after another, judged: its files, its resolution, what its wheels contain."""

import os
from collections.abc import Iterator
from typing import NoReturn

from packaging.utils import NormalizedName, canonicalize_name

from envc.check import Basis, LockState, Subject, basis_of, judge, pins_of, unreadable
from envc.checking.scenes import Seen, look_into
from envc.checking.unlocked import Unlocked
from envc.disk.digests import known_digest
from envc.errors import (
    BuildError,
    EnvcError,
    HashMissingError,
    OutsideError,
    SpecError,
    UnsatisfiableError,
    UsageError,
)
from envc.host.context import Context
from envc.index import IndexSource
from envc.locking.known_base import KnownBase, known_base
from envc.locking.overlay_resolution import Edges
from envc.model import codes
from envc.model.digest import Digest, digest_of, digest_of_json
from envc.model.finding import Finding, Verdict
from envc.model.lock import Lock
from envc.model.release import Distribution
from envc.model.spec import OverlaySpec, SiteSpec
from envc.model.value import replace, value
from envc.ports import SilentReporter
from envc.sites.overlay_files import Files, files_beside
from envc.sites.place import MOST_OF_A_LOCK, shown
from envc.sites.site import (
    LockFile,
    Site,
    base_of,
    base_under,
    check_base,
    load_overlay,
    overlay_below,
    present_overlay_lock,
    refuse_circle,
)
from envc.supply.contents import ContentsSource
from envc.supply.editables import directory_of
from envc.supply.given import GivenSource
from envc.supply.indexes import indexes_of, open_source
from envc.supply.local_files import names_files
from envc.supply.stale_overlays import overlay_state, stale_below
from envc.supply.strangers import Reach, locker_of, reach_of
from envc.target.opened import drift_of


@value(kw_only=True)
class Judged:
    """A verdict and what it rests on; `basis` is None where it must be found anew each time.

    `beside` are the files that were read with the spec, `asked` the projects whose listings were.
    """

    verdict: Verdict
    beside: Files = ()
    asked: tuple[str, ...] = ()
    basis: Basis | None = None
    fingerprint: Digest | None = None


class Checker:
    """Judges the overlays of a site, one process's share. A common base is looked into once."""

    def __init__(self, site: Site, context: Context, wheelhouses: tuple[str, ...] = ()) -> None:
        self.site = site
        self._context = context
        self.contents = ContentsSource(
            site.spec.core.python, context, wheelhouses=wheelhouses, indexes=indexes_of(site)
        )
        self._bases: dict[str, KnownBase | EnvcError] = {}
        self._below: dict[Digest | None, tuple[Finding, ...]] = {}
        self._edges: dict[Digest | None, tuple[Edges, ...]] = {}
        self._opened: IndexSource | None = None
        self._closed_bytes = 0

    @property
    def received_bytes(self) -> int:
        """How much has come over the network so far."""
        present = self._opened.received_bytes if self._opened is not None else 0
        return self._closed_bytes + present + self.contents.received_bytes

    @property
    def source(self) -> IndexSource:
        """The site's indexes, opened at first use."""
        if self._opened is None:
            self._opened = open_source(self.site, self._context, _refuse_to_build)
        return self._opened

    def close(self) -> None:
        """Let go of connections and threads; what is asked for later opens them anew."""
        if self._opened is not None:
            self._opened.close()
            self._closed_bytes += self._opened.received_bytes
            self._opened = None

    def quieten(self) -> None:
        """Report nothing any more: a forked process must not wait for a lock of its parent's."""
        self._context = self._context._replace(reporter=SilentReporter())
        self.contents.quieten()

    def warm(self, layer: str) -> None:
        """Look into a common layer, so that processes that are forked have what is known of it."""
        under = self._base_of_layer(layer)
        if isinstance(under, KnownBase):
            self._edges_on(under)

    def judged(self, path: str, owner: str) -> Judged:
        """The verdict on the overlay whose spec is at `path`.

        Raises:
            OutsideError: an index did not answer; a verdict without it would be a guess.
        """
        name = os.path.splitext(os.path.basename(path))[0]
        told = shown(path)
        try:
            spec = load_overlay(path)
        except EnvcError as error:
            code = codes.SPEC_UNREADABLE
            return _unjudged(unreadable(name, told, code=code, error=error), owner)
        try:
            under = self.known_base(spec)
        except EnvcError as error:
            code = codes.BASE_UNUSABLE
            verdict = unreadable(spec.name, told, code=code, error=error)
            return _unjudged(verdict, owner, spec.base)
        code = codes.LOCK_UNREADABLE
        try:
            present = self.present_lock(spec)
            code = codes.SPEC_UNREADABLE
            return self._judged(spec, under, present, owner)
        except EnvcError as error:
            match error:
                case HashMissingError():
                    code = codes.HASH_MISSING
                case BuildError():
                    code = codes.CONTENTS_UNKNOWN
                case OutsideError() if code == codes.SPEC_UNREADABLE:
                    raise
            verdict = unreadable(spec.name, told, code=code, error=error)
            return _unjudged(verdict, owner, spec.base)

    def known_base(self, spec: OverlaySpec) -> KnownBase:
        """What an overlay stands on.

        Raises:
            EnvcError: its base cannot be used.
        """
        if spec.base_dir is None and self.site.spec.layer(spec.base) is not None:
            found = self._base_of_layer(spec.base)
            # What is wrong with the overlay's own choice of a base is for `base_under` to say.
            if isinstance(found, KnownBase) and _may_stand(self.site.spec, spec):
                return found
        self._look_below(spec)
        base = base_under(self.site, spec)
        folder = os.path.dirname(os.path.abspath(spec.file)) if spec.base_dir else None
        return known_base(self.site.spec, base, self.contents, folder=folder)

    def state(self, spec: OverlaySpec, under: KnownBase, lock: Lock | None) -> LockState:
        """How a lock stands to the spec and to the base."""
        return overlay_state(self.site.spec, spec, under.base, lock, self._reach(spec))

    def present_lock(self, spec: OverlaySpec) -> LockFile | None:
        """The overlay's lock, with what may be read of it.

        Raises:
            SpecError: it is no lock.
        """
        present, reach = present_overlay_lock(spec), self._reach(spec)
        if present is None or reach is None:
            return present
        return replace(present, lock=reach.of(present.lock))

    def _reach(self, spec: OverlaySpec) -> Reach | None:
        reach = reach_of(self.site, spec)
        if reach is not None:
            self.contents.distrust(reach.folder, reach.owner)
        return reach

    def _look_below(self, spec: OverlaySpec) -> None:
        """Refuse an overlay on one of somebody else, whose lock names what may not be read."""
        above = refuse_circle(spec, ())
        while (below := overlay_below(above[-1])) is not None:
            above = refuse_circle(below, above)
            present = present_overlay_lock(below)
            reach = self._reach(below)
            if present is not None and reach is not None and reach.hides(present.lock):
                raise UsageError(
                    f"the lock of overlay {below.name} names wheels outside of its folder",
                    where=shown(present.path),
                    mend=locker_of(self.site, below).mend,
                )

    def below(self, spec: OverlaySpec, under: KnownBase) -> tuple[Finding, ...]:
        """What is wrong with the locks below an overlay: stale ones, and what cannot be built.

        Raises:
            SpecError, UsageError: one cannot be read.
        """
        key = under.base.closure
        if key not in self._below:
            stale = (
                codes.finding(codes.BASE_STALE, fault.what, where=fault.where, mend=fault.mend)
                for fault in stale_below(self.site, spec)
            )
            self._below[key] = (*stale, *under.collisions)
        return self._below[key]

    def fingerprint(self, basis: Basis, under: KnownBase) -> Digest:
        """The digest of the parts of a base that a verdict rests on."""
        base = under.base
        kept = {canonicalize_name(sourced.requirement.name) for sourced in base.kept}
        parts = basis.fingerprint((inventory for _, inventory in under.inventories), kept)
        if base.held:  # what is there decides what may be asked for, and what may be replaced
            held = sorted(canonicalize_name(each.requirement.name) for each in base.held)
            bounds = sorted(str(each.requirement) for each in base.constraints)
            parts = digest_of_json([parts, held, bounds])
        if under.unknown:
            parts = digest_of_json([parts, [each.project for each in under.unknown]])
        # What explains a failure names lines of the site's spec.
        if basis.everything:
            return digest_of_json([parts, digest_of(self.site.text), base.closure])
        return parts

    def _base_of_layer(self, layer: str) -> "KnownBase | EnvcError":
        if layer not in self._bases:
            try:
                base = base_of(self.site, layer)
                self._bases[layer] = known_base(self.site.spec, base, self.contents)
            except EnvcError as error:
                self._bases[layer] = error
        return self._bases[layer]

    def _edges_on(self, under: KnownBase) -> tuple[Edges, ...]:
        closure = under.base.closure
        if closure not in self._edges:
            self._edges[closure] = under.edges(self.source)
        return self._edges[closure]

    def _judged(
        self, spec: OverlaySpec, under: KnownBase, present: LockFile | None, owner: str
    ) -> Judged:
        source = GivenSource(self.source, known=under.metadata)
        state = self.state(spec, under, present.lock if present is not None else None)
        lock = present.lock if present is not None and state is LockState.FRESH else None
        failure: UnsatisfiableError | None = None
        if lock is None:
            try:
                unlocked = Unlocked(
                    site=self.site.spec,
                    spec=spec,
                    under=under,
                    present=present,
                    reach=reach_of(self.site, spec),
                    mend=locker_of(self.site, spec).mend,
                )
                lock = unlocked.resolved(self._edges_on(under), self.source, source)
            except UnsatisfiableError as error:
                failure = error
        seen = Seen((), ()) if lock is None else look_into(spec, under, lock, self.contents)
        subject = Subject(
            name=spec.name,
            spec=spec.file,
            state=state,
            lock=lock,
            fits=present is not None
            and lock is not None
            and pins_of(present.lock) == pins_of(lock),
            inventory=under.inventory(),
            scenes=seen.scenes,
            base=spec.base,
            owner=owner,
            failure=failure,
            origins=_origins(spec, lock),
            yanked=self._yanked(lock, source) if lock is not None else {},
            unknown=seen.unknown,
            below=self.below(spec, under),
            drift=drift_of(spec, present) or _base_drift(spec),
            site_rules=self.site.spec.check,
            rules=spec.check,
        )
        # It rests on what is not among the files beside: other folders, sources.
        looks_further = bool(spec.base_dir or spec.on) or names_files(spec.requires)
        spoken_of = (*spec.requires, *spec.constraints)
        asked = [canonicalize_name(sourced.requirement.name) for sourced in spoken_of]
        parts = basis_of(subject, [*asked, *spec.hide])
        return Judged(
            verdict=judge(subject),
            beside=(*files_beside(spec), *_projects_beside(spec)),
            asked=tuple(sorted(source.asked)),
            basis=None if looks_further or not all(e.lasts for e in subject.unknown) else parts,
            fingerprint=self.fingerprint(parts, under),
        )

    def _yanked(self, lock: Lock, source: GivenSource) -> dict[NormalizedName, str]:
        """Withdrawn releases among a lock's pins, and why; nothing where an index is silent."""
        found: dict[NormalizedName, str] = {}
        try:
            listed = [pin for pin in lock.pins if pin.directory is None]
            source.prefetch(pin.project for pin in listed)
            for pin in listed:
                release = next(
                    (r for r in source.releases(pin.project) if str(r.version) == pin.version), None
                )
                files = release.distributions if release is not None else ()
                if files and all(file.yanked is not None for file in files):
                    found[pin.project] = files[0].yanked or ""
        except OutsideError as error:
            self._context.reporter.warn(
                f"whether releases were yanked is not known: {error.args[0]}"
            )
        return found


def _unjudged(verdict: Verdict, owner: str, base: str = "") -> Judged:
    return Judged(verdict=replace(verdict, owner=owner, base=base))


def _projects_beside(spec: OverlaySpec) -> Iterator[tuple[str, Digest | None]]:
    """What its editable projects declare: a verdict holds only as long as that does."""
    for sourced in spec.editable:
        path = f"{directory_of(spec, sourced.path)}/pyproject.toml"
        yield path, known_digest(path, MOST_OF_A_LOCK)


def _base_drift(spec: OverlaySpec) -> str:
    """What has changed in the environment that an overlay stands on; empty: nothing."""
    if spec.on is None:
        return ""
    from envc.described.identity import said_of_all  # few overlays stand on such a thing
    from envc.sites.inventory import inventory_beside

    return said_of_all(inventory_beside(os.path.dirname(os.path.abspath(spec.file))))


def _may_stand(site: SiteSpec, spec: OverlaySpec) -> bool:
    try:
        check_base(site, spec)
    except SpecError:
        return False
    return True


def _refuse_to_build(distribution: Distribution, _path: str) -> NoReturn:
    raise BuildError(
        f"what {distribution.filename} requires shows only when it is built, and a check "
        "builds nothing",
        mend="lock the overlay, or ask for a version that has wheels",
    )


def _origins(spec: OverlaySpec, lock: Lock | None) -> dict[NormalizedName, str]:
    """Project → the line of the spec that brings it in, as far as the lock's edges tell."""
    found: dict[NormalizedName, str] = {}
    needs = {pin.project: pin.dependencies for pin in lock.pins} if lock is not None else {}
    for sourced in (*spec.requires, *spec.constraints):
        waiting = [canonicalize_name(sourced.requirement.name)]
        while waiting:
            project = waiting.pop()
            if project not in found:
                found[project] = str(sourced.origin)
                waiting += needs.get(project, ())
    return found
