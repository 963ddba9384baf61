"""`envc generations`, `envc rollback`, `envc gc`: which generations there are, and which stay."""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from envc.core.folder import unneeded_cores
from envc.disk.clock import utc_text
from envc.disk.digests import known_bytes
from envc.disk.durable import disk_error, remove_temporaries, sync_directory, write_file
from envc.disk.locks import exclusive
from envc.disk.ownership import refuse_foreign
from envc.disk.private import remove_abandoned
from envc.errors import UsageError
from envc.fleet.prune import prune_target, unneeded_in_target, wanted_numbers
from envc.formats.values import FormError, value_of
from envc.model.core import PART_PREFIX
from envc.model.generation import Generation, number_named
from envc.model.names import AUDIT_LOGS, GONE, OWN_STATE, STATE_PLACES
from envc.model.value import replace
from envc.plan.collect import Collection, Keeping, plan_collection
from envc.ports import REPORTER
from envc.reports.change import LayerChange, changes_between
from envc.reports.generations import (
    AuditEvent,
    CollectReport,
    GenerationEntry,
    GenerationsReport,
    RollbackReport,
)
from envc.store.staging import TEMPORARY
from envc.target.directory import Directory
from envc.target.gone import lead_on
from envc.target.holding import said_of_current
from envc.target.opened import materialized_at, retain_of
from envc.target.publication import drop_plans
from envc.target.publish import remove_leftovers, settle
from envc.target.remove import (
    empty_trash,
    move_to_trash,
    reachable_trees,
    remove_generations,
    remove_stored,
    standing_generations,
)
from envc.target.settle import restore_closures

_DAY_SECONDS = 86_400.0
_OF_EVENTS = ("event", "time", "user", "node", "generation", "operator")


def list_generations(path: str) -> GenerationsReport:
    """Every generation, with what changed from the one before it.

    Raises:
        UsageError: nothing is materialized here.
    """
    directory = materialized_at(path)
    kept = _planned(directory, None, None).reasons
    pinned = _pinned(directory)
    before: Generation | None = None
    entries: list[GenerationEntry] = []
    for number in directory.numbers():
        record = directory.record(number)
        published = os.stat(f"{directory.generation(number)}/manifest.json").st_mtime
        entries.append(
            GenerationEntry(
                generation=number,
                published=utc_text(published),
                digest=record.digest,
                current=kept[number] == "current",
                pinned=number in pinned,
                kept=kept[number],
                layers=_changes(before, record),
            )
        )
        before = record
    return GenerationsReport(target=directory.path, generations=tuple(entries))


def with_log(report: GenerationsReport) -> GenerationsReport:
    """The same, with what the target's audit logs hold; lines that are none are passed over."""
    events: list[AuditEvent] = []
    for name in AUDIT_LOGS:
        text = known_bytes(f"{report.target}/{name}") or b""
        for line in text.splitlines():
            with suppress(ValueError, RecursionError, FormError):
                plain = json.loads(line)
                known = {key: plain.get(key) for key in _OF_EVENTS} if type(plain) is dict else {}
                events.append(value_of(AuditEvent, known))
    return replace(report, log=tuple(events))


def pin(path: str, number: int, *, keep: bool) -> GenerationsReport:
    """Keep a generation whatever gc is told, or let it go again.

    Raises:
        UsageError: there is no such generation.
    """
    directory = materialized_at(path)
    refuse_foreign(directory.path)
    if number not in directory.numbers():
        raise UsageError(
            f"there is no generation {number}",
            where=directory.path,
            mend="list them with `envc generations`",
        )
    with exclusive(directory.lock):
        pins = _pinned(directory) | {number} if keep else _pinned(directory) - {number}
        text = "".join(f"{pinned}\n" for pinned in sorted(pins))
        try:
            write_file(f"{directory.path}/pins", text.encode())
        except OSError as error:
            raise disk_error(error, "write the pins", directory.path) from error
    return list_generations(path)


def rollback(path: str, number: int | None) -> RollbackReport:
    """Switch to generation `number`, None: to the one before the current.

    Raises:
        UsageError: there is no such generation.
    """
    directory = materialized_at(path)
    refuse_foreign(directory.path)
    REPORTER.get().holds(said_of_current(directory))
    with exclusive(directory.lock):
        before = directory.current_number() or 0
        earlier = [present for present in directory.numbers() if present < before]
        goal = number if number is not None else max(earlier, default=0)
        if goal not in directory.numbers():
            what = f"there is no generation {goal}" if goal else "there is no earlier generation"
            raise UsageError(what, where=directory.path, mend="list them with `envc generations`")
        record = directory.record(goal)
        try:
            settle(directory, record, b"")
        except OSError as error:
            raise disk_error(error, "switch", directory.path) from error
    return RollbackReport(
        target=directory.path,
        before=before,
        generation=goal,
        digest=record.digest,
        changed=goal != before,
    )


def collect(
    path: str, *, newest: int | None, days: int | None = None, dry_run: bool
) -> CollectReport:
    """Remove generations that nothing keeps, and stored trees that none is linked from.

    `newest` and `days` replace what the site's `[retain]` says; with `newest` alone, days count
    only for what may be in use unseen. Every record is read before anything is removed: one that
    cannot be read ends the run.

    Raises:
        UsageError: nothing is materialized here, or it is somebody else's.
        OutsideError: a root cannot be read.
    """
    directory = materialized_at(path)
    refuse_foreign(directory.path)
    with exclusive(directory.store_lock), exclusive(directory.lock):
        plan = _planned(directory, newest, days)
        records = {number: directory.record(number) for number in plan.reasons}
        leaving: Sequence[int] = plan.leaving
        concerned = _concerned(directory, leaving)
        staying = [record for number, record in records.items() if number not in leaving]
        trees = reachable_trees(staying)
        REPORTER.get().holds(lambda: _said_of_leaving(directory, plan.leaving))
        try:
            if dry_run:
                stored = os.listdir(f"{directory.store}/wheels")
                removed = sorted(name for name in stored if name not in trees)
                cores = unneeded_cores(directory.path, {each.interpreter for each in staying})
                others = [*cores, *unneeded_in_target(directory)]
            else:
                _remove_leftovers(directory)
                leaving = remove_generations(directory, leaving)
                survivors = [directory.record(number) for number in directory.numbers()]
                trees = reachable_trees(survivors)
                removed = remove_stored(directory, trees)
                restore_closures(directory, survivors)
                drop_plans(directory, survivors)
                others = [*_remove_cores(directory, survivors), *prune_target(directory)]
                with suppress(OSError):  # what room there is, gc has made by now
                    lead_on(directory, records.values())
        except OSError as error:
            raise disk_error(error, "remove what is not needed", directory.path) from error
    return CollectReport(
        target=directory.path,
        dry_run=dry_run,
        kept={
            number: plan.reasons[number] or "in use"  # it came into use meanwhile
            for number in records
            if number not in leaving
        },
        removed=tuple(leaving),
        stored_trees_removed=tuple(removed),
        others_removed=tuple(path.removeprefix(f"{directory.path}/") for path in others),
        overlays={folder: number for folder, number in concerned.items() if number in leaving},
    )


def _concerned(directory: Directory, leaving: Sequence[int]) -> dict[str, int]:
    """The overlays that stand on a target of which generations leave."""
    if directory.is_overlay or not leaving:
        return {}
    from envc.overlays.standing import standing_on  # most runs remove nothing

    return standing_on(directory.path)


def _said_of_leaving(directory: Directory, leaving: Sequence[int]) -> str:
    """What to say of a run that somebody ends: what is named still is whole."""
    left = directory.numbers()
    gone = ", ".join(str(number) for number in leaving if number not in left)
    return f"{directory.path}: generations removed so far: {gone or 'none'}"


def _remove_cores(directory: Directory, survivors: list[Generation]) -> list[str]:
    """Take away the cores that nothing runs on any more; their folders."""
    unneeded = unneeded_cores(directory.path, {each.interpreter for each in survivors})
    for path in unneeded:
        move_to_trash(directory, path)
    if unneeded:
        sync_directory(directory.cores)
    return unneeded


def _remove_leftovers(directory: Directory) -> None:
    """Remove what runs that were killed left anywhere; the locks say that none is alive."""
    remove_leftovers(directory)
    for folder in (directory.path, f"{directory.store}/manifests", f"{directory.store}/plans"):
        remove_temporaries(folder)
    for place in (GONE, f"{OWN_STATE}/{STATE_PLACES['site'][0]}"):
        for folder, _, _ in os.walk(f"{directory.path}/{place}"):
            remove_temporaries(folder)
    for folder, _, _ in os.walk(f"{directory.path}/{OWN_STATE}"):
        with suppress(FileNotFoundError):  # roll-outs write there without the lock
            remove_temporaries(folder, before=time.time() - _DAY_SECONDS)
    remove_abandoned(f"{directory.store}/{TEMPORARY}")
    remove_abandoned(directory.cores, PART_PREFIX)
    empty_trash(directory)


def _planned(directory: Directory, newest: int | None, days: int | None) -> Collection:
    """What stays, by what is asked for, else by the site's `[retain]`."""
    retain = retain_of(directory)
    young = days if days is not None else retain.days
    by_age = days is not None or (newest is None and not directory.is_overlay)
    keeping = Keeping(
        current=directory.current_number(),
        newest=newest if newest is not None else retain.generations,
        younger_than_seconds=young * _DAY_SECONDS if by_age else 0,
        hidden_younger_than_seconds=young * _DAY_SECONDS,
        pinned=_pinned(directory),
        wanted=wanted_numbers(directory),
    )
    return plan_collection(standing_generations(directory, time.time()), keeping)


def _pinned(directory: Directory) -> frozenset[int]:
    try:
        with open(f"{directory.path}/pins", encoding="utf-8") as file:
            numbers = (number_named(line.strip()) for line in file)
            return frozenset(number for number in numbers if number is not None)
    except FileNotFoundError:
        return frozenset()


def _changes(before: Generation | None, after: Generation) -> dict[str, LayerChange]:
    changes: dict[str, LayerChange] = {}
    for name, layer in after.layers.items():
        old_layer = before.layers.get(name) if before is not None else None
        old = {w.project: w.version for w in old_layer.wheels} if old_layer else {}
        new = {wheel.project: wheel.version for wheel in layer.wheels}
        changes[name] = changes_between(old, new)
    return changes
