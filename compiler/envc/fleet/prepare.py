"""The two steps of a roll-out on one node: prepare a generation, then switch to it.

Each can be repeated: what is done already is found done.
"""

import os
from dataclasses import replace

from envc.disk.durable import disk_error
from envc.disk.locks import exclusive, shared
from envc.disk.ownership import refuse_foreign
from envc.errors import AnswerIsNo
from envc.fleet.wanted import unpack_parcel
from envc.formats.location import Location
from envc.host.context import Context
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.model.value import value
from envc.store.store import Store
from envc.target.base import read_location, write_location
from envc.target.core import Brought
from envc.target.directory import Directory, Shape
from envc.target.publication import is_current, publication_for
from envc.target.publish import make_directory, prepare, record_event, switch


@value(kw_only=True)
class Prepared:
    """A generation that is ready to be switched to; `built`: by this run. `current`: it is on."""

    generation: Generation
    built: bool
    current: bool


def prepare_parcel(
    directory: Directory, state: str, parcel: Digest, brought: Brought, context: Context
) -> Prepared:
    """Build and verify the generation that a parcel describes; `current` stays as it is.

    Raises:
        UsageError: this machine is no target of the locks, or the target is somebody else's.
        UntrustedError: the parcel or a wheel is not what its digest says.
        OutsideError: disk or network.
    """
    refuse_foreign(directory.path)
    make_directory(directory)
    folder, spec_name = unpack_parcel(directory, state, parcel)
    current = directory.current()
    if current is not None and is_current(folder, spec_name, directory, current):
        return Prepared(generation=current, built=False, current=True)
    with shared(directory.store_lock):
        generation, built = prepare(
            directory,
            publication_for((folder, spec_name), directory, current, (), brought, context),
            Store(directory.store),
            link_mode="auto",
            reporter=context.reporter,
        )
    on = current is not None and current.generation == generation.generation
    return Prepared(generation=generation, built=built, current=on)


def switch_to(
    directory: Directory, digest: Digest, *, event: str, operator: str | None = None
) -> tuple[Generation, bool]:
    """Make the generation with that digest the current one; whether it was not.

    A change leaves `event` in the audit log, with the `operator` who asked for it from elsewhere.

    Raises:
        AnswerIsNo: it was not prepared here.
        OutsideError: the disk refused; `current` is as it was.
    """
    refuse_foreign(directory.path)
    with exclusive(directory.lock):
        found = next(
            (
                record
                for record in map(directory.record, reversed(directory.numbers()))
                if record.digest == digest == record.own_digest()
            ),
            None,
        )
        if found is None:
            raise AnswerIsNo(
                f"generation {digest} is not prepared here",
                where=directory.path,
                mend="run `envc rollout` again: it prepares what is missing",
            )
        changed = directory.current_number() != found.generation
        try:
            if changed:
                record_event(directory, event, found, operator=operator)
                switch(directory, found)
        except OSError as error:
            raise disk_error(error, "switch", directory.path) from error
    return found, changed


def remember_state(directory: Directory, state: str) -> None:
    """Note in the target where its wanted state is.

    Raises:
        OutsideError: the disk refused.
    """
    before = read_location(directory.path)
    current = directory.current()
    if before is None and current is None:
        return  # nothing stands here that could converge
    site = current.site if current is not None else ""
    base = before or Location(site=site, target=directory.path)
    location = replace(base, wanted=state)
    if location != before:
        write_location(directory.path, location)


def target_directory(path: str) -> Directory:
    """The target directory at a path."""
    return Directory(os.path.abspath(path), Shape.TARGET)
