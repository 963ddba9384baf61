"""`envc converge`: what the wanted state asks for, on this node."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from zlib import crc32

from envc.disk.clock import seconds_of
from envc.fleet.names import names_of_node, note_name
from envc.fleet.state import StateFolder, state_of
from envc.fleet.trust import (
    keys_in_parcel,
    noted_in,
    refuse_state_of_other_target,
    remember_trust,
)
from envc.host.context import Context
from envc.model.generation import Generation
from envc.model.node_sets import has_node
from envc.model.nodes import Statement, WantedGeneration, WantedGroup, WantedGroups
from envc.model.value import replace, value
from envc.reports.converge import ConvergeReport
from envc.target.compare import environment_differences
from envc.target.directory import Directory
from envc.trust.rules import Keys, Noted, believed_state

# So often a node that waits looks whether it still has to.
_PAUSE_SECONDS = 15.0


@value(kw_only=True)
class ConvergeOrder:
    """What to converge to, and when.

    `state` is the folder of the wanted state, None: what the last roll-out noted. One of the `keys`
    must have signed it; none: of those that are noted here. `node` is what this node is called, "":
    it finds out. After a change, it is the roll-out's alone for `grace_seconds`; then nodes begin
    within `spread_seconds`, each at a moment of its own.
    """

    state: str | None = None
    keys: Keys = ()
    node: str = ""
    grace_seconds: float = 0.0
    spread_seconds: float = 0.0


def check_converged(directory: Directory, order: ConvergeOrder) -> ConvergeReport:
    """Whether the node is in the wanted state; reads records only, and writes nothing.

    Raises:
        UsageError: no wanted state is known here.
        UntrustedError: it is signed by none of the given keys, else of those that are noted here.
        OutsideError, SpecError: it cannot be read.
    """
    state = state_of(directory, order.state)
    noted, statement = noted_in(directory), state.required()
    wanted = _believed(statement, order.keys or noted.keys, noted)
    report, group = _report(directory, state, wanted, order)
    if group is not None:
        targets = wanted.targets_of(group)
        refuse_state_of_other_target(directory, state, targets, report.node, noted)
    return report


def converge(
    directory: Directory,
    order: ConvergeOrder,
    context: Context,
    wait: Callable[[float], None] = time.sleep,
) -> ConvergeReport:
    """Bring the node to the wanted state once that is due: hold what is to be held, then switch.

    Raises:
        UsageError: no wanted state is known here, or this machine is no target of its locks.
        UntrustedError: bytes are not what their digest says, or the state is signed by none of the
            keys given, noted here, or (at first use) named by its site; nothing is switched.
        OutsideError: disk or network; what is done stays done.
    """
    from envc.fleet.prepare import remember_state

    _wait_until_due(directory, order, context, wait)
    state = state_of(directory, order.state)
    statement, noted = state.required(), noted_in(directory)
    trusted = order.keys or noted.keys
    wanted = _believed(statement, trusted, noted)
    before, group = _report(directory, state, wanted, order)
    if group is None:
        return before
    targets = wanted.targets_of(group)
    refuse_state_of_other_target(directory, state, targets, before.node, noted)
    named = keys_in_parcel(state, group.generations[0].parcel)
    if not trusted:
        _believed(statement, named, noted)
    built = () if before.converged else _bring(directory, state, group, context)
    # Also what a run that was killed after its switch has not noted.
    remember_state(directory, state)
    if order.node:
        note_name(directory, order.node)
    if trusted or named:
        accepted = noted.after(named, wanted.serial, is_named=bool(targets))
        remember_trust(directory, accepted)
    if before.converged:
        return before
    after, _ = _report(directory, state, wanted, order)
    return replace(after, changed=built)


def _bring(
    directory: Directory, state: StateFolder, group: WantedGroup, context: Context
) -> tuple[int, ...]:
    """Build what the group holds, and switch; the numbers of what was built."""
    from envc.fleet.parcel import unpack_wanted
    from envc.fleet.prepare import prepare_wanted, switch_to

    built: list[int] = []
    for generation in reversed(group.generations):  # what is to be current becomes the newest
        if directory.number_of(generation.closures) is None:
            prepared = prepare_wanted(directory, state, generation, context)
            if prepared.built:
                built.append(prepared.generation.generation)
    newest = group.generations[0]
    number = directory.number_of(newest.closures)
    if number is not None:
        spec = unpack_wanted(directory, state, newest)
        switch_to(directory, directory.record(number).digest, event="converge", spec=spec)
    return tuple(built)


def _wait_until_due(
    directory: Directory, order: ConvergeOrder, context: Context, wait: Callable[[float], None]
) -> None:
    """Leave the node to the roll-out for as long as that may take; by then it may be done."""
    left = order.grace_seconds + order.spread_seconds
    is_told = False
    while left > 0:
        report = check_converged(directory, order)
        if report.converged or report.due_seconds <= 0:
            return
        if not is_told:
            context.reporter.note(
                f"a roll-out may be about to switch this node: waiting {report.due_seconds:.0f} s"
            )
        is_told = True
        pause = min(left, report.due_seconds, _PAUSE_SECONDS)
        wait(pause)
        left -= pause


def _believed(statement: Statement, keys: Keys, noted: Noted) -> WantedGroups:
    return believed_state(statement, keys, noted, statement.file)


def _report(
    directory: Directory, state: StateFolder, wanted: WantedGroups, order: ConvergeOrder
) -> tuple[ConvergeReport, WantedGroup | None]:
    """How far the node is from what is wanted of its group, and that group."""
    names = (order.node,) if order.node else names_of_node(directory)
    group = wanted.group_of(names)
    current = directory.current_number()
    generations = group.generations if group is not None else ()
    numbers = [directory.number_of(each.closures) for each in generations]
    held = zip(generations, numbers, strict=True)
    missing = tuple(generation.parcel for generation, number in held if number is None)
    runs = group is None or (
        current is not None
        and numbers[0] == current
        and _shows(directory, state, generations[0], directory.record(current))
    )
    others: tuple[str, ...] = ()
    if group is not None and runs and current is not None:
        record = directory.record(current)
        others = tuple(each.path for each in environment_differences(directory, record))
    found = (name for name in names if group is not None and has_node(group.nodes, name))
    report = ConvergeReport(
        target=directory.path,
        state=state.path,
        serial=wanted.serial,
        converged=not missing and runs and not others,
        generation=current,
        wanted=dict(generations[0].closures) if generations else {},
        missing=missing,
        changed=(),
        node=next(found, names[0]),
        group=group.nodes if group is not None else None,
        other_environments=others,
    )
    if group is None or report.converged:
        return report, group
    return replace(report, due_seconds=_due_seconds(group, report.node, order)), group


def _due_seconds(group: WantedGroup, node: str, order: ConvergeOrder) -> float:
    """How long a node is left to the roll-out; no longer than both times, whatever clocks say."""
    most = order.grace_seconds + order.spread_seconds
    own = order.grace_seconds + order.spread_seconds * (crc32(node.encode()) % 1024) / 1024
    with suppress(ValueError):
        return min(most, max(0.0, seconds_of(group.since) + own - time.time()))
    return 0.0


def _shows(
    directory: Directory, state: StateFolder, wanted: WantedGeneration, current: Generation
) -> bool:
    """Whether what runs here can run, under the policy that is wanted, by all of its names."""
    if not os.access(current.interpreter, os.X_OK):
        return False
    from envc.fleet.prepare import is_settled_on

    parcel = state.parcel(wanted.parcel)
    return is_settled_on(directory, current, parcel, state.place("parcel", wanted.parcel))
