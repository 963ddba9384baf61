"""`envc converge`: what the wanted state asks for, on this node."""

import os

from envc.fleet.trust import (
    Keys,
    keys_for,
    note,
    noted_keys,
    read_statement,
    source_of,
    wanted_by,
)
from envc.fleet.wanted import (
    number_of,
    packed_core,
    parcel_path,
    read_parcel,
    state_of,
    unpack_parcel,
    wanted_path,
)
from envc.host.context import Context
from envc.model.generation import Generation
from envc.model.nodes import Statement, WantedGeneration, WantedState
from envc.reports.converge import ConvergeReport
from envc.target.directory import Directory


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
    wanted = _wanted(directory, state, read_statement(state), given_keys)
    return _report(directory, state, wanted, ())


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
    statement = read_statement(state)
    wanted = _wanted(directory, state, statement, given_keys)
    before = _report(directory, state, wanted, ())
    if before.converged:
        if noted_keys(directory):
            note(directory, state, wanted, serial=wanted.serial)
        return before

    from envc.fleet.prepare import prepare_parcel, remember_state, switch_to
    from envc.target.core import Brought

    keys = given_keys or keys_for(directory, state, wanted.generations[0].parcel)
    wanted_by(directory, statement, keys, wanted_path(state))

    built: list[int] = []
    for generation in reversed(wanted.generations):  # what is to be current becomes the newest
        if number_of(directory, generation) is None:
            source = source_of(state, generation)
            brought = Brought(source, packed_core(state, generation.core))
            prepared = prepare_parcel(directory, state, generation.parcel, brought, context)
            if prepared.built:
                built.append(prepared.generation.generation)
    number = number_of(directory, wanted.generations[0])
    if number is not None:
        spec = unpack_parcel(directory, state, wanted.generations[0].parcel)
        switch_to(directory, directory.record(number).digest, event="converge", spec=spec)
    remember_state(directory, state)
    if keys:
        note(directory, state, wanted, serial=wanted.serial)
    return _report(directory, state, wanted, tuple(built))


def _wanted(
    directory: Directory, state: str, statement: Statement, given_keys: Keys
) -> WantedState:
    """The wanted state by the word of those who are trusted already."""
    keys = given_keys or noted_keys(directory)
    return wanted_by(directory, statement, keys, wanted_path(state))


def _report(
    directory: Directory, state: str, wanted: WantedState, built: tuple[int, ...]
) -> ConvergeReport:
    current = directory.current_number()
    newest = wanted.generations[0]
    missing = [each.parcel for each in wanted.generations if number_of(directory, each) is None]
    runs = (
        current is not None
        and number_of(directory, newest) == current
        and _shows(directory, state, newest, directory.record(current))
    )
    return ConvergeReport(
        target=directory.path,
        state=state,
        serial=wanted.serial,
        converged=not missing and runs,
        generation=current,
        wanted=dict(newest.closures),
        missing=tuple(missing),
        changed=built,
    )


def _shows(directory: Directory, state: str, wanted: WantedGeneration, current: Generation) -> bool:
    """Whether what runs here can run, under the policy that is wanted, by all of its names."""
    if not os.access(current.interpreter, os.X_OK):
        return False
    from envc.fleet.prepare import is_settled_on

    path = parcel_path(state, wanted.parcel)
    return is_settled_on(directory, current, read_parcel(path, wanted.parcel), path)
