"""`envc node`: one step on this node, and what is true afterwards."""

import os
from contextlib import suppress

from envc.commands.generations import collect
from envc.commands.verify import verify
from envc.errors import EnvcError, UntrustedError
from envc.fleet.answers import leave_answer, witness_of
from envc.fleet.node_report import node_failure, node_report
from envc.fleet.prepare import prepare_parcel, remember_state, switch_to
from envc.fleet.prune import prune_target
from envc.fleet.trust import (
    BROUGHT,
    keys_for,
    note,
    noted_keys,
    read_statement,
    source_of,
    wanted_by,
    write_statement,
)
from envc.fleet.wanted import (
    OWN_STATE,
    bundle_path,
    is_whole,
    next_wanted,
    number_of,
    packed_core,
    parcel_path,
    read_wanted,
    unpack_parcel,
    write_wanted,
)
from envc.formats.wanted import wanted_from_json
from envc.host.context import Context
from envc.model.digest import Digest, hex_of
from envc.model.nodes import Statement, WantedState
from envc.model.value import value
from envc.reports.node import NodeReport
from envc.supply.bundled import AcceptedBundle, bundle_digest
from envc.target.core import Brought
from envc.target.directory import Directory


@value(kw_only=True)
class PrepareOrder:
    """What to prepare, by its parcel, from a folder of wheels or from a bundle that was brought.

    `core` is the digest of the file that brings the interpreter, where the site carries one.
    `statement` is the wanted state that will name it, as it was signed. The newest `keep`
    generations are to be held, this one among them. With a `question`, the answer is left under
    that name where there is nothing to prepare.
    """

    state: str
    parcel: Digest
    source: str | None = None
    bundle: Digest | None = None
    core: Digest | None = None
    statement: Statement | None = None
    replace_keys: bool = False
    keep: int = 1
    question: str | None = None


def prepare_step(directory: Directory, order: PrepareOrder, context: Context) -> NodeReport:
    """The generation that a parcel describes is built, verified and ready, or `current` already.

    Raises:
        UsageError, UntrustedError, OutsideError: as for `prepare_parcel`.
        UntrustedError: nobody who is trusted here has signed for it.
    """
    paths = _rests_on(directory, order)
    witness = witness_of(paths)  # before anything is looked at: what changes from now on is told
    report = _prepared(directory, order, context)
    if report.step == "current" and order.question is not None and witness:
        leave_answer(directory.path, order.question, report, paths=paths, witness=witness)
    return report


def _rests_on(directory: Directory, order: PrepareOrder) -> list[str]:
    """Every path that decides whether there is nothing to prepare."""
    number = directory.current_number()
    if number is None:
        return []
    current, place = f"{directory.path}/current", directory.path
    copies = f"{place}/{OWN_STATE}/sites/{hex_of(order.parcel)}"
    specs = [
        f"{folder}/{name}" for folder in (f"{current}/site", copies) for name in _names(folder)
    ]
    paths = [current, f"{current}/manifest.json", directory.record(number).interpreter, *specs]
    paths += [f"{place}/bin/envc", f"{place}/location.toml", parcel_path(order.state, order.parcel)]
    return paths if order.bundle is None else [*paths, bundle_path(order.state, order.bundle)]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _prepared(directory: Directory, order: PrepareOrder, context: Context) -> NodeReport:
    lacks: list[str] = []
    if not is_whole(parcel_path(order.state, order.parcel), order.parcel):
        lacks.append("parcel")
    source = order.source
    if order.bundle is not None:
        source = AcceptedBundle(bundle_path(order.state, order.bundle), order.bundle)
        if not _is_bundle(source, order.bundle):
            lacks.append("bundle")
    if lacks:
        return node_failure(directory.path, "prepare", lacks=tuple(lacks))
    wanted = _believed(directory, order)
    _hold_older(directory, order, wanted or read_wanted(order.state), context)
    brought = Brought(source, packed_core(order.state, order.core))
    done = prepare_parcel(directory, order.state, order.parcel, brought, context)
    step = "current" if done.current else "ready"
    if done.current and wanted is not None:
        note(directory, order.state, wanted, serial=_serial(directory, order, wanted))
    return node_report(directory, step, generation=done.generation, built=done.built)


def _hold_older(
    directory: Directory, order: PrepareOrder, wanted: WantedState | None, context: Context
) -> None:
    """Build what nodes hold besides, first, so that what is to be current becomes the newest.

    Else a node that joins would be drained until it has converged. What cannot be had any more is
    left to `converge`, which names it: it does not stop a roll-out.
    """
    known = wanted.generations if wanted is not None else ()
    others = [each for each in known if each.parcel != order.parcel]
    for generation in reversed(others[: order.keep - 1]):
        if number_of(directory, generation) is None:
            source = source_of(order.state, generation)
            with suppress(EnvcError):
                brought = Brought(source, packed_core(order.state, generation.core))
                prepare_parcel(directory, order.state, generation.parcel, brought, context)


def _believed(directory: Directory, order: PrepareOrder) -> WantedState | None:
    """The wanted state that somebody who is trusted here has signed; None: nobody has to."""
    keys = keys_for(directory, order.state, order.parcel, replace_keys=order.replace_keys)
    if not keys:
        return None
    statement = order.statement or Statement(b"")
    wanted = wanted_by(directory, statement, keys, BROUGHT, replace_keys=order.replace_keys)
    newest = wanted.generations[0]
    source = order.source if order.bundle is None else bundle_path(".", order.bundle)
    if (newest.parcel, newest.source, newest.core) != (order.parcel, source, order.core):
        raise UntrustedError(
            "the wanted state that was signed names another parcel or source than was asked for",
            where=BROUGHT,
            mend="run `envc rollout --sign KEY` again",
        )
    return wanted


def _serial(directory: Directory, order: PrepareOrder, wanted: WantedState) -> int | None:
    """The serial to remember: a canary hears of a state that its folder may never hold."""
    if order.state == f"{directory.path}/{OWN_STATE}":
        return wanted.serial
    try:
        return wanted.serial if read_statement(order.state) == order.statement else None
    except EnvcError:
        return None


def _is_bundle(path: str, digest: Digest) -> bool:
    """Whether a bundle is there as a whole; each of its entries is verified when it is read."""
    try:
        return bundle_digest(path) == digest
    except EnvcError:
        return False


@value(kw_only=True)
class SwitchOrder:
    """What to switch to, and where the wanted state is.

    Where nodes share no folder for it, `statement` brings a state with the one generation that is
    to be current; where nobody signed it, the node holds the newest `keep` that it has heard of.
    `operator` is who asked for it. `prepared` is what was prepared: the answer to it is left.
    """

    state: str
    digest: Digest
    statement: Statement | None = None
    keep: int = 1
    operator: str | None = None
    prepared: PrepareOrder | None = None


def switch_step(directory: Directory, order: SwitchOrder, context: Context) -> NodeReport:
    """`current` is the generation asked for, and the node knows where its wanted state is.

    Raises:
        AnswerIsNo: that generation is not prepared here.
        UntrustedError: nobody who is trusted here has signed for it.
        OutsideError: the disk refused; `current` is as it was.
    """
    wanted = _believed_switch(directory, order)
    if order.statement is not None and order.state == f"{directory.path}/{OWN_STATE}":
        if wanted is not None:
            write_statement(order.state, order.statement)
        else:
            _merge(order.state, order.statement, order.keep)
    prepared = order.prepared
    generation, changed = switch_to(
        directory,
        order.digest,
        event="rollout",
        operator=order.operator,
        spec=unpack_parcel(directory, prepared.state, prepared.parcel) if prepared else None,
    )
    remember_state(directory, order.state)
    if wanted is not None and order.prepared is not None:
        note(directory, order.state, wanted, serial=_serial(directory, order.prepared, wanted))
    with suppress(EnvcError, OSError):  # gc comes back to what is left
        prune_target(directory, [order.prepared.parcel] if order.prepared is not None else [])
    if order.prepared is not None:
        with suppress(EnvcError):  # the switch is done, whatever comes of an answer for next time
            prepare_step(directory, order.prepared, context)
    return node_report(directory, "switched" if changed else "current", generation=generation)


def _believed_switch(directory: Directory, order: SwitchOrder) -> WantedState | None:
    """As `_believed`, and the generation to switch to is the one that was signed for."""
    if order.prepared is None:
        _refuse_bare_switch(directory)
        return None
    wanted = _believed(directory, order.prepared)
    if wanted is None:
        return None
    found = number_of(directory, wanted.generations[0])
    if found is None or directory.record(found).digest != order.digest:
        raise UntrustedError(
            "the wanted state that was signed names another generation than is to be switched to",
            where=BROUGHT,
            mend="run `envc rollout --sign KEY` again",
        )
    return wanted


def _refuse_bare_switch(directory: Directory) -> None:
    """Where keys are noted, nothing is switched to that is not signed for."""
    if noted_keys(directory):
        wanted_by(directory, Statement(b""), noted_keys(directory), BROUGHT)


def _merge(state: str, statement: Statement, keep: int) -> None:
    brought = wanted_from_json(statement.text, BROUGHT)
    before = read_wanted(state)
    merged = next_wanted(before, brought.site, brought.generations[0], kit=brought.kit, keep=keep)
    if before is None or merged.generations != before.generations or merged.kit != before.kit:
        write_wanted(state, merged)


def collect_step(directory: Directory, *, newest: int | None, dry_run: bool) -> NodeReport:
    """What nothing keeps here is removed, or (with `dry_run`) only named.

    Raises:
        UsageError, OutsideError: as for `collect`.
    """
    collected = collect(directory.path, newest=newest, dry_run=dry_run)
    return node_report(directory, "collected", collected=collected)


def status_step(directory: Directory, *, drift: bool) -> NodeReport:
    """What the node runs; with `drift` every byte of it is compared with what was published.

    Raises:
        OutsideError, SpecError: the target's records cannot be read.
    """
    if directory.current_number() is None:
        return node_report(directory, "absent")
    problems = len(verify(directory.path).problems) if drift else None
    return node_report(directory, "present", drift=problems)
