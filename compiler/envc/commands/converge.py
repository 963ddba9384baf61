"""`envc converge`: what the wanted state asks for, on this node."""

import os

from envc.fleet.state import StateFolder, state_of
from envc.fleet.trust import keys_in_parcel, noted_in, remember_trust
from envc.host.context import Context
from envc.model.generation import Generation
from envc.model.nodes import Statement, WantedGeneration, WantedState
from envc.reports.converge import ConvergeReport
from envc.target.directory import Directory
from envc.trust.rules import Keys, Noted, believed_state


def check_converged(
    directory: Directory, given_state: str | None, given_keys: Keys = ()
) -> ConvergeReport:
    """Whether the node is in the wanted state; reads records only, and writes nothing.

    Raises:
        UsageError: no wanted state is known here.
        UntrustedError: it is signed by none of the given keys, else of those that are noted here.
        OutsideError, SpecError: it cannot be read.
    """
    state = state_of(directory, given_state)
    noted = noted_in(directory)
    wanted = _believed(state, state.required(), given_keys or noted.keys, noted)
    return _report(directory, state, wanted)


def converge(
    directory: Directory, given_state: str | None, context: Context, given_keys: Keys = ()
) -> ConvergeReport:
    """Bring the node to the wanted state: hold what is to be held, then switch.

    Raises:
        UsageError: no wanted state is known here, or this machine is no target of its locks.
        UntrustedError: bytes are not what their digest says, or the state is signed by none of the
            keys given, noted here, or (at first use) named by its site; nothing is switched.
        OutsideError: disk or network; what is done stays done.
    """
    state = state_of(directory, given_state)
    statement, noted = state.required(), noted_in(directory)
    trusted = given_keys or noted.keys
    wanted = _believed(state, statement, trusted, noted)
    newest = wanted.generations[0]
    before = _report(directory, state, wanted)
    if before.converged:
        if noted.keys:
            remember_trust(directory, keys_in_parcel(state, newest.parcel), wanted.serial)
        return before

    from envc.fleet.parcel import unpack_wanted
    from envc.fleet.prepare import prepare_wanted, remember_state, switch_to

    named = keys_in_parcel(state, newest.parcel)
    if not trusted:
        _believed(state, statement, named, noted)
    built: list[int] = []
    for generation in reversed(wanted.generations):  # what is to be current becomes the newest
        if directory.number_of(generation.closures) is None:
            prepared = prepare_wanted(directory, state, generation, context)
            if prepared.built:
                built.append(prepared.generation.generation)
    number = directory.number_of(newest.closures)
    if number is not None:
        spec = unpack_wanted(directory, state, newest)
        switch_to(directory, directory.record(number).digest, event="converge", spec=spec)
    remember_state(directory, state)
    if trusted or named:
        remember_trust(directory, named, wanted.serial)
    return _report(directory, state, wanted, tuple(built))


def _believed(state: StateFolder, statement: Statement, keys: Keys, noted: Noted) -> WantedState:
    return believed_state(statement, keys, newest_serial=noted.serial, where=state.wanted_path)


def _report(
    directory: Directory, state: StateFolder, wanted: WantedState, built: tuple[int, ...] = ()
) -> ConvergeReport:
    current = directory.current_number()
    numbers = [directory.number_of(each.closures) for each in wanted.generations]
    held = zip(wanted.generations, numbers, strict=True)
    missing = tuple(generation.parcel for generation, number in held if number is None)
    newest = wanted.generations[0]
    runs = (
        current is not None
        and numbers[0] == current
        and _shows(directory, state, newest, directory.record(current))
    )
    return ConvergeReport(
        target=directory.path,
        state=state.path,
        serial=wanted.serial,
        converged=not missing and runs,
        generation=current,
        wanted=dict(newest.closures),
        missing=missing,
        changed=built,
    )


def _shows(
    directory: Directory, state: StateFolder, wanted: WantedGeneration, current: Generation
) -> bool:
    """Whether what runs here can run, under the policy that is wanted, by all of its names."""
    if not os.access(current.interpreter, os.X_OK):
        return False
    from envc.fleet.prepare import is_settled_on

    parcel = state.parcel(wanted.parcel)
    return is_settled_on(directory, current, parcel, state.place("parcel", wanted.parcel))
