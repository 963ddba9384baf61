"""`envc check`: a verdict on every overlay, whatever state its files are in.

1. The specs are found; what the cache knows of them, and still holds, is taken from there.
2. What is left is judged, by as many processes as there are cores when it is much. They are forked
   from one that knows the common bases.
3. The new verdicts are kept.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from packaging.utils import NormalizedName

from envc.check import LockState, restated
from envc.checking.checker import Checker, Judged
from envc.checking.verdict_cache import Row, VerdictCache
from envc.disk.digests import known_bytes, known_digest
from envc.disk.durable import disk_error
from envc.errors import EnvcError, OutsideError
from envc.host.context import Context
from envc.model.finding import Verdict
from envc.model.value import replace, value
from envc.reports.check import CheckReport
from envc.sites.overlay_files import owner_in, specs_of
from envc.sites.place import MOST_OF_A_LOCK, MOST_OF_A_SPEC, shown
from envc.sites.site import Site, load_overlay
from envc.supply.indexes import open_source

TASK = "check"
# Fewer are judged sooner than processes start.
_FEW = 24
_SHARE = 16


@value(kw_only=True)
class CheckOptions:
    """Which overlays, and where else their wheels may be."""

    specs: tuple[str, ...] = ()
    wheelhouses: tuple[str, ...] = ()


class Found(NamedTuple):
    """A spec on disk: its path, whose it is, its bytes (empty where it cannot be read)."""

    path: str
    owner: str
    text: bytes


def check(site: Site, options: CheckOptions, context: Context) -> CheckReport:
    """The verdict on each overlay: those named, else those of the site's `[overlays] specs`.

    Raises:
        OutsideError: an index did not answer; a verdict without it would be a guess.
    """
    found = [_found(site, path) for path in options.specs or specs_of(site)]
    context.reporter.start(TASK, len(found), "overlays")
    try:
        run = _Run(site, options, context, found)
        run.take_what_holds()
        run.judge_the_rest()
    finally:
        context.reporter.finish(TASK)
    verdicts = tuple(run.verdicts[place] for place in range(len(found)))
    return CheckReport(
        ok=all(verdict.ok for verdict in verdicts),
        overlays=verdicts,
        checked=len(found) - run.reused,
        reused=run.reused,
        received_bytes=run.received_bytes + run.listings.received_bytes,
    )


def _found(site: Site, path: str) -> Found:
    text = known_bytes(path, MOST_OF_A_SPEC) or b""  # the checker says what is wrong with it
    return Found(path, owner_in(site, path), text)


class _Listings:
    """What the indexes list now, as fingerprints; asked for once."""

    def __init__(self, site: Site, context: Context) -> None:
        self._site = site
        self._context = context
        self._known: dict[NormalizedName, str] = {}
        self.received_bytes = 0

    def ask(self, rows: Iterable[Row]) -> None:
        """Have the fingerprints that these rows rest on; a silent index has none."""
        self.of(project for row in rows for project in row.listings)

    def of(self, projects: Iterable[str]) -> dict[str, str]:
        """The fingerprints of these projects' listings, as far as the indexes answer."""
        wanted = {NormalizedName(project) for project in projects}
        missing = wanted - self._known.keys()
        if missing:
            with open_source(self._site, self._context) as source:
                try:
                    self._known |= source.fingerprints(missing)
                except OutsideError:
                    self._known |= dict.fromkeys(missing, "")
                self.received_bytes += source.received_bytes
        return {str(project): self._known[project] for project in wanted}

    def hold(self, row: Row) -> bool:
        """Whether the indexes list what they listed when the verdict was given."""
        return self.of(row.listings) == row.listings


def _still_holds(row: Row) -> bool:
    return all(known_digest(path, MOST_OF_A_LOCK) == digest for path, digest in row.beside)


class _Run:
    """One check: verdicts by the place of their spec, and how they came about."""

    def __init__(
        self, site: Site, options: CheckOptions, context: Context, found: Sequence[Found]
    ) -> None:
        self.verdicts: dict[int, Verdict] = {}
        self.reused = 0
        self.received_bytes = 0
        self.listings = _Listings(site, context)
        self._found = found
        self._cache = VerdictCache(site, context)
        self._reporter = context.reporter
        self._checker = Checker(site, context, options.wheelhouses)
        self._rows: dict[str, Row] = {}

    def take_what_holds(self) -> None:
        """Take the verdicts that were given on the present state of the site."""
        keys = {place: self._cache.key(*_named(each)) for place, each in enumerate(self._found)}
        rows = self._cache.rows(keys.values())
        self.listings.ask(rows.values())
        for place, key in keys.items():
            row = rows.get(key)
            if row is not None and _still_holds(row) and self.listings.hold(row):
                self._reuse(place, row.verdict)

    def judge_the_rest(self) -> None:
        """Give the other verdicts: from another state of the site where they hold, else anew."""
        rest = self._rest()
        if not rest:
            return
        try:
            self._take_from_other_states(rest)
            self._judge(self._rest())
        finally:
            self._checker.close()
            self.received_bytes += self._checker.received_bytes
        self._cache.keep(self._rows)

    def _rest(self) -> list[int]:
        return [place for place in range(len(self._found)) if place not in self.verdicts]

    def _reuse(self, place: int, verdict: Verdict) -> None:
        self.verdicts[place] = verdict
        self.reused += 1
        self._reporter.advance(TASK)

    def _take_from_other_states(self, places: Sequence[int]) -> None:
        keys = {place: self._cache.any_state(*_named(self._found[place])) for place in places}
        rows = self._cache.rows(keys.values())
        self.listings.ask(rows.values())
        for place, key in keys.items():
            row = rows.get(key)
            if row is None or not _still_holds(row) or not self.listings.hold(row):
                continue
            verdict = _carried_over(self._checker, row, self._found[place])
            if verdict is not None:
                self._reuse(place, verdict)
                kept = replace(row, verdict=verdict)
                self._rows[self._cache.key(*_named(self._found[place]))] = kept

    def _judge(self, places: Sequence[int]) -> None:
        many = len(places) > _FEW and _cores() > 1
        fresh: dict[int, Judged] = {}
        for place, each in (self._in_processes if many else self._in_turn)(places):
            fresh[place] = each
            self.verdicts[place] = each.verdict
            self._reporter.advance(TASK)
        self.listings.of(project for each in fresh.values() for project in each.asked)
        for place, each in fresh.items():
            if each.basis is None or each.fingerprint is None:
                continue
            row = Row(
                verdict=each.verdict,
                beside=each.beside,
                listings=self.listings.of(each.asked),
                basis=each.basis,
                fingerprint=each.fingerprint,
            )
            named = _named(self._found[place])
            self._rows[self._cache.key(*named)] = row
            self._rows[self._cache.any_state(*named)] = row

    def _in_turn(self, places: Sequence[int]) -> Iterator[tuple[int, Judged]]:
        for place in places:
            each = self._found[place]
            yield place, self._checker.judged(each.path, each.owner)

    def _in_processes(self, places: Sequence[int]) -> Iterator[tuple[int, Judged]]:
        for layer in sorted(_bases(self._found[place].path for place in places)):
            self._checker.warm(layer)
        # A process with threads must not be forked; those of a drawn bar take no part in it.
        self._checker.close()
        self._checker.quieten()
        shares = [places[start : start + _SHARE] for start in range(0, len(places), _SHARE)]
        try:
            with ProcessPoolExecutor(
                _cores(),
                mp_context=get_context("fork"),
                initializer=_Fork.begin,
                initargs=(self._checker, self._found),
            ) as pool:
                for judged, received_bytes in pool.map(_Fork.share, shares):
                    self.received_bytes += received_bytes
                    yield from judged
        except OSError as error:
            raise disk_error(error, "start processes") from error


def _named(found: Found) -> tuple[str, str, bytes]:
    """A spec as the cache knows it: its path as it is told, its owner, its bytes."""
    return shown(found.path), found.owner, found.text


def _carried_over(checker: Checker, row: Row, found: Found) -> Verdict | None:
    """A verdict on the site's present state, from one on another state; None: it does not hold."""
    try:
        spec = load_overlay(found.path)
        under = checker.known_base(spec)
        if checker.fingerprint(row.basis, under) != row.fingerprint:
            return None
        present = checker.present_lock(spec)
        below = checker.below(spec, under)
    except EnvcError:
        return None
    lock = present.lock if present is not None else None
    state = checker.state(spec, under, lock)
    if state is LockState.STALE:
        return None  # the site's policy or the spec has changed: it is resolved in another way
    rules = (checker.site.spec.check, spec.check)
    return restated(row.verdict, state, under.inventory(), present=lock, below=below, rules=rules)


class _Fork:
    """A forked process: from its beginning it has its parent's checker, warm, and the specs."""

    checker: Checker
    found: Sequence[Found]

    @classmethod
    def begin(cls, checker: Checker, found: Sequence[Found]) -> None:
        cls.checker, cls.found = checker, found

    @classmethod
    def share(cls, places: Sequence[int]) -> tuple[list[tuple[int, Judged]], int]:
        """Verdicts by place, and the bytes that were received for them."""
        before = cls.checker.received_bytes
        named = [(place, cls.found[place]) for place in places]
        judged = [(place, cls.checker.judged(each.path, each.owner)) for place, each in named]
        return judged, cls.checker.received_bytes - before


def _bases(paths: Iterable[str]) -> set[str]:
    """The common layers that these overlays stand on; what cannot be read stands on none."""
    bases: set[str] = set()
    for path in paths:
        try:
            spec = load_overlay(path)
        except EnvcError:
            continue
        if spec.base_dir is None:
            bases.add(spec.base)
    return bases


def _cores() -> int:
    return len(os.sched_getaffinity(0))
