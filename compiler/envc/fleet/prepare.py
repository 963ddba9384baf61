"""The two steps of a roll-out on one node: prepare a generation, then switch to it.

Each can be repeated: what is done already is found done.
"""

import os

from envc.disk.durable import doing
from envc.disk.locks import exclusive, shared
from envc.disk.ownership import refuse_foreign
from envc.errors import AnswerIsNo
from envc.fleet.parcel import unpack_wanted
from envc.fleet.state import StateFolder, own_state
from envc.formats.location import Location
from envc.formats.parcel import spec_in
from envc.formats.policy import policy_to_json
from envc.host.context import Context
from envc.host.machine import machine_of
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.names import COMMAND
from envc.model.nodes import WantedGeneration
from envc.model.spec import policy_of
from envc.model.value import replace, value
from envc.plan.changes import changes_between
from envc.sites.site import load_site
from envc.store.store import Store
from envc.target.carried import renew_command
from envc.target.contents import refuse_other_folder
from envc.target.directory import Directory, Shape
from envc.target.holding import said_of_current
from envc.target.inputs import FOLDER, note_site, noted_inputs, present_in, site_inputs
from envc.target.opened import read_location, write_location
from envc.target.publication import publication_for
from envc.target.publish import prepare, record_event, settle
from envc.target.settle import link_changes_in, present_policy, read_policy


@value(kw_only=True)
class Prepared:
    """A generation that is ready to be switched to; `built`: by this run.

    `current`: there is nothing to switch, to publish or to restore.
    """

    generation: Generation
    built: bool
    current: bool


def prepare_wanted(
    directory: Directory, state: StateFolder, wanted: WantedGeneration, context: Context
) -> Prepared:
    """Build and verify the generation that a parcel describes; `current` stays as it is.

    Of the wanted generation, only what it is made from is looked at.

    Raises:
        UsageError: this machine is no target of the locks, or the folder is somebody else's, or no
            target.
        UntrustedError: the parcel, the bundle or a wheel is not what its digest says.
        OutsideError: disk or network.
    """
    sources = state.sources(wanted)
    refuse_foreign(directory.path)
    refuse_other_folder(directory)
    context.reporter.holds(said_of_current(directory))
    spec = unpack_wanted(directory, state, wanted)
    current = directory.sound_current()
    if current is not None:
        inputs = site_inputs(spec, directory, current, ()).inputs
        if not changes_between(inputs, present_in(directory, current)):
            return Prepared(generation=current, built=False, current=True)
    with shared(directory.store_lock):
        publication = publication_for(spec, directory, current, (), sources, context)
        generation, built = prepare(
            directory,
            publication,
            Store(directory.store),
            link_mode="auto",
            reporter=context.reporter,
        )
    is_settled = (
        current is not None
        and current.generation == generation.generation
        and present_policy(directory, generation) == publication.policy
        and not link_changes_in(directory, generation)
    )
    if is_settled:
        note_site(directory, generation, publication, spec)
    return Prepared(generation=generation, built=built, current=is_settled)


def switch_to(
    directory: Directory,
    digest: Digest,
    *,
    event: str,
    operator: str | None = None,
    spec: tuple[str, str] | None = None,
) -> tuple[Generation, bool]:
    """Make the generation with that digest the current one; whether anything was otherwise.

    A change leaves `event` in the audit log, with the `operator` who asked for it from elsewhere.
    `spec` is the folder and the name of the spec that it was prepared from: its policy holds then.

    Raises:
        AnswerIsNo: it was not prepared here.
        OutsideError: the disk refused; `current` is as it was.
    """
    refuse_foreign(directory.path)
    with exclusive(directory.lock):
        records = map(directory.record, reversed(directory.numbers()))
        found = next((each for each in records if each.digest == digest == each.own_digest()), None)
        if found is None:
            raise AnswerIsNo(
                f"generation {digest} is not prepared here",
                where=directory.path,
                mend="run `envc rollout` again: it prepares what is missing",
            )
        with doing("switch", directory.path):
            if directory.current_number() != found.generation:
                record_event(directory, event, found, operator=operator)
            policy = b""
            if spec is not None:
                site = load_site(*spec, interpreter=found.interpreter)
                policy = policy_to_json(policy_of(site.spec))
            done = settle(directory, found, policy)
            if not os.path.exists(f"{directory.path}/{COMMAND}"):
                renew_command(directory, found, Context())
    return found, done.changed


def is_settled_on(directory: Directory, current: Generation, text: bytes, where: str) -> bool:
    """Whether a target shows the policy of a parcel, and all names of its current generation.

    A target that an earlier envc made has no policy file: that of its generation holds.

    Raises:
        SpecError: it is no parcel, or its spec has faults.
    """
    if link_changes_in(directory, current):
        return False
    policy = read_policy(directory)
    noted = noted_inputs(directory, current).inputs.get(FOLDER)
    if not policy or noted == own_state(directory).place("site", digest_of(text)):
        return True
    from envc.expand.site import expand_site  # most nodes have noted what they were made from

    spec = expand_site(spec_in(text, where), lambda _: machine_of(current.interpreter))
    return policy_to_json(policy_of(spec)) == policy


def remember_state(directory: Directory, state: StateFolder) -> None:
    """Note in the target where its wanted state is."""
    before = read_location(directory.path)
    current = directory.current()
    if before is None and current is None:
        return  # nothing stands here that could converge
    site = current.site if current is not None else ""
    base = before or Location(site=site, target=directory.path)
    write_location(directory.path, replace(base, wanted=state.path))


def target_directory(path: str) -> Directory:
    """The target directory at a path."""
    return Directory(os.path.abspath(path), Shape.TARGET)
