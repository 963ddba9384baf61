"""`envc node`: one step on this node, and what is true afterwards."""

from contextlib import suppress

from envc.errors import EnvcError, UsageError
from envc.fleet.answers import leave_answer, paths_behind, stamp_of
from envc.fleet.names import names_of_node, note_name
from envc.fleet.node_report import node_failure, node_report
from envc.fleet.parcel import unpack_wanted
from envc.fleet.prepare import prepare_wanted, remember_state, switch_to
from envc.fleet.prune import prune_target
from envc.fleet.state import StateFolder, own_state, said_in
from envc.fleet.trust import (
    keys_in_parcel,
    noted_in,
    refuse_bare_switch,
    remember_trust,
    signed_order,
)
from envc.formats.wanted import wanted_to_json
from envc.host.context import Context
from envc.model.digest import Digest
from envc.model.nodes import Published, Statement, WantedGeneration, WantedState
from envc.model.value import replace, value
from envc.reports.generations import CollectReport
from envc.reports.node import NodeReport
from envc.rollout.wanted import next_wanted
from envc.target.carried import runs_named_envc
from envc.target.directory import Directory
from envc.trust.rules import Noted, refuse_other_generation


@value(kw_only=True)
class NodeOrder:
    """What a roll-out asks of a node, beside the step.

    Of the `wanted` generation, only what it is made from is known; None: that was not told, and is
    only to be switched to. `node` is what the roll-out calls this node, None: that was not told.
    `statement` is the wanted state that names it: to be published, or, where nodes share no folder
    for it, with this one generation. The newest `keep` are to be held. With a
    `question`, the answer is left under that name where there is nothing to prepare.
    """

    state: StateFolder
    wanted: WantedGeneration | None = None
    statement: Statement | None = None
    replace_keys: bool = False
    keep: int = 1
    question: str | None = None
    node: str | None = None


def prepare_step(directory: Directory, order: NodeOrder, context: Context) -> NodeReport:
    """The generation that a parcel describes is built, verified and ready, or `current` already.

    Raises:
        UsageError, UntrustedError, OutsideError: as for `prepare_wanted`.
        UntrustedError: nobody who is trusted here has signed for it.
    """
    if order.wanted is None:
        raise UsageError("prepare needs --parcel", mend="see `envc node --help`")
    paths = paths_behind(directory, order.state, order.wanted)
    stamp = stamp_of(paths)  # before anything is looked at: what changes from now on is told
    lacks = order.state.lacks(order.wanted)
    if lacks:
        return node_failure(directory.path, "prepare", lacks=lacks)
    signed = _signed(directory, order)
    _hold_older(directory, order, signed, context)
    done = prepare_wanted(directory, order.state, order.wanted, context)
    step = "current" if done.current else "ready"
    report = node_report(directory, step, generation=done.generation, built=done.built)
    if not runs_named_envc(directory) or not _is_noted(directory, order, signed):
        return replace(report, wanted=None)  # a switch does that: a roll-out may yet fail
    if done.current and order.question is not None and stamp:
        leave_answer(order.question, report, paths=paths, stamp=stamp)
    return report


def switch_step(
    directory: Directory, order: NodeOrder, digest: Digest, operator: str | None, context: Context
) -> NodeReport:
    """`current` is the generation with that digest; the node knows where its wanted state is.

    `operator` is who asked for it, for the audit log.

    Raises:
        AnswerIsNo: that generation is not prepared here.
        UntrustedError: nobody who is trusted here has signed for it.
        OutsideError: the disk refused; `current` is as it was.
    """
    signed = _signed(directory, order)
    if signed is not None:
        number = directory.number_of(signed.generations[0].closures)
        found = directory.record(number).digest if number is not None else None
        refuse_other_generation(found, digest)
    if order.statement is not None and order.state == own_state(directory):
        _leave_state(directory, order, order.statement, is_signed=signed is not None)
    spec = unpack_wanted(directory, order.state, order.wanted) if order.wanted else None
    generation, changed = switch_to(
        directory, digest, event="rollout", operator=operator, spec=spec
    )
    remember_state(directory, order.state)
    if order.node is not None:
        note_name(directory, order.node)
    if signed is not None:
        serial = _serial(directory, order, signed)
        remember_trust(directory, _accepted(directory, order, signed, serial))
    with suppress(EnvcError, OSError):  # gc comes back to what is left
        prune_target(directory, [order.wanted.parcel] if order.wanted else [])
    if order.wanted is not None:
        with suppress(EnvcError):  # the switch is done, whatever comes of an answer for next time
            prepare_step(directory, order, context)
    return node_report(directory, "switched" if changed else "current", generation=generation)


def collect_step(directory: Directory, collected: CollectReport) -> NodeReport:
    """What nothing keeps here is removed, or only named."""
    return node_report(directory, "collected", collected=collected)


def status_step(directory: Directory, *, drift: int | None) -> NodeReport:
    """What the node runs; `drift` counts the paths of it that differ, None: nobody looked.

    Raises:
        OutsideError, SpecError: the target's records cannot be read.
    """
    step = "absent" if directory.current_number() is None else "present"
    return node_report(directory, step, drift=drift)


def _signed(directory: Directory, order: NodeOrder) -> WantedState | None:
    """The wanted state that somebody who is trusted here has signed; None: nobody has to."""
    if order.wanted is None:
        refuse_bare_switch(directory)
        return None
    return signed_order(
        directory,
        order.state,
        order.wanted,
        order.statement,
        replace_keys=order.replace_keys,
        names=_names(directory, order),
    )


def _is_noted(directory: Directory, order: NodeOrder, signed: WantedState | None) -> bool:
    """Whether a switch to what is current would change nothing of what the node has noted."""
    is_own = order.state == own_state(directory)
    if is_own:
        present = _wanted_before(directory, order)
        parcel = order.wanted.parcel if order.wanted is not None else None
        if present is None or present.generations[0].parcel != parcel:
            return False
    if signed is None:
        return True
    serial = None if is_own else _serial(directory, order, signed)
    return noted_in(directory) == _accepted(directory, order, signed, serial)


def _accepted(
    directory: Directory, order: NodeOrder, signed: WantedState, serial: int | None
) -> Noted:
    """What is to be noted of what is accepted."""
    named = keys_in_parcel(order.state, signed.generations[0].parcel)
    groups = said_in(order.statement).groups if order.statement is not None else ()
    is_named = any(group.target for group in groups)
    return noted_in(directory).after(named, serial, is_named=is_named)


def _serial(directory: Directory, order: NodeOrder, signed: WantedState) -> int | None:
    """The serial to note; None of a state that the folder may never hold: a canary hears of one."""
    with suppress(EnvcError):
        if order.state == own_state(directory) or order.state.statement() == order.statement:
            return signed.serial
    return None


def _hold_older(
    directory: Directory, order: NodeOrder, signed: WantedState | None, context: Context
) -> None:
    """Build what nodes hold besides, first, so that what is to be current becomes the newest.

    Else a node that joins would be drained until it has converged. What cannot be had any more is
    left to `converge`, which names it: it does not stop a roll-out.
    """
    wanted = signed or _wanted_before(directory, order, order.statement)
    known = wanted.generations if wanted is not None else ()
    others = [each for each in known if order.wanted and each.parcel != order.wanted.parcel]
    for generation in reversed(others[: order.keep - 1]):
        if directory.number_of(generation.closures) is None:
            with suppress(EnvcError):
                prepare_wanted(directory, order.state, generation, context)


def _names(directory: Directory, order: NodeOrder) -> tuple[str, ...]:
    return names_of_node(directory) if order.node is None else (order.node,)


def _wanted_before(
    directory: Directory, order: NodeOrder, brought: Statement | None = None
) -> WantedState | None:
    """What this node is to hold, as it was `brought` or as it is noted; None: nobody knows."""
    wanted = said_in(brought) if brought is not None else order.state.wanted_before()
    group = wanted.group_of(_names(directory, order)) if wanted is not None else None
    return wanted.state_of(group) if wanted is not None and group is not None else None


def _leave_state(
    directory: Directory, order: NodeOrder, statement: Statement, *, is_signed: bool
) -> None:
    """Write the state that was brought; where nobody signed it, what was held before follows it."""
    if is_signed:
        order.state.write(Published(statement))
        return
    brought = said_in(statement)
    before, newest = _wanted_before(directory, order), brought.generations[0]
    wanted = next_wanted(before, brought.site, newest, kit=brought.kit, keep=order.keep)
    if wanted != before:
        order.state.write(Published(Statement(wanted_to_json(wanted))))
