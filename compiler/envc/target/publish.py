"""Staging, one rename, one switch: at every instant `current` is the old or the new generation.

1. Lock the directory. Remove staging folders that a killed run left.
2. Build every tree in `generations/.staging-…`, with the record, the listings and the specs.
3. `syncfs`: everything is on the disk before it has a name.
4. Rename the staging folder to the generation's number, fsync `generations`.
5. Name it by its closures, note it in the audit log, then switch `current`; fsync the directory.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from envc.disk.clock import utc_text
from envc.disk.durable import (
    append_line,
    doing,
    make_folder,
    remove_temporaries,
    replace_symlink,
    sync_directory,
    sync_file_system,
)
from envc.disk.folders import names_in
from envc.disk.locks import exclusive
from envc.disk.private import remove_abandoned
from envc.errors import EnvcError, OutsideError, UntrustedError
from envc.formats.generation import generation_to_json
from envc.model.generation import Generation, generation_name
from envc.model.manifest import FILE_MODE, manifest_from_text
from envc.model.names import AUDIT_LOGS, MODULEFILES
from envc.model.plan import TreePlan
from envc.model.publication import Publication
from envc.ports import Reporter, TreeStore
from envc.target.directory import GENERATION_MODE, STAGING_PREFIX, Directory, read_bytes
from envc.target.settle import publish_policy, remove_names, restore_closures, restore_names
from envc.target.trees import (
    TRIAL_PREFIX,
    LinkMode,
    build_trees,
    can_link,
    link_or_copy,
    linkable_file,
    write_new,
)

# Of about 3,000 events.
_MOST_OF_A_LOG = 1 << 20


class Published(NamedTuple):
    """The current generation, and what this run changed to make it so."""

    generation: Generation
    switched: bool
    policy: bool
    restored: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether people see anything else than before."""
        return self.switched or self.policy or bool(self.restored or self.removed)


class _Order(NamedTuple):
    """What is to be published where, from which store, and how."""

    directory: Directory
    publication: Publication
    store: TreeStore
    link_mode: LinkMode
    reporter: Reporter


def publish(
    directory: Directory,
    publication: Publication,
    store: TreeStore,
    *,
    link_mode: LinkMode,
    reporter: Reporter,
) -> Published:
    """The generation of a publication, made the current one, with all names and the policy.

    A generation with the same digest that still exists is switched to, not built again, unless its
    trees are not as they were published.

    Raises:
        OutsideError: the disk refused; `current` is as it was.
    """
    order = _Order(directory, publication, store, link_mode, reporter)
    with writing(directory):
        present, is_new = _found_or_built(order, verify=False)
        done = settle(directory, present, publication.policy)
    return done._replace(switched=True) if is_new else done


def settle(directory: Directory, generation: Generation, policy: bytes) -> Published:
    """Make a complete generation the current one; its policy, empty: as it is, holds before that.

    The caller holds the directory's lock.

    Raises:
        OSError: the disk refused; `current` is as it was.
    """
    is_another = publish_policy(directory, generation, policy)
    if directory.current_number() != generation.generation:
        switch(directory, generation)
        removed = remove_names(directory, generation)
        return Published(generation, True, is_another, (), removed)
    if is_another:
        record_event(directory, "policy", generation)
    restored = restore_names(directory, generation)
    removed = remove_names(directory, generation)
    return Published(generation, False, is_another, restored, removed)


def prepare(
    directory: Directory,
    publication: Publication,
    store: TreeStore,
    *,
    link_mode: LinkMode,
    reporter: Reporter,
) -> tuple[Generation, bool]:
    """A generation that `switch` can make the current one, and whether it was built now.

    Every byte of it is compared with its manifests before it gets its name: one that is found is
    not compared again. Closures that nothing holds yet are named at once, so that jobs and overlays
    find them; `current` is as it was.

    Raises:
        UntrustedError: what was built is not what was planned: the disk or the store is damaged.
    """
    order = _Order(directory, publication, store, link_mode, reporter)
    with writing(directory):
        present, is_new = _found_or_built(order, verify=True)
        restore_closures(directory, [present])
    return present, is_new


@contextmanager
def writing(directory: Directory) -> Iterator[None]:
    """Hold the directory's lock, rid of leftovers, with room for what is taken away."""
    what = "publish the generation"
    with exclusive(directory.lock), doing(what, directory.path):
        remove_leftovers(directory)
        make_folder(directory.trash)
        yield


def switch(directory: Directory, generation: Generation) -> None:
    """Name a complete generation by its closures and layers, and make it the current one.

    `current` comes last: whoever finds the new generation there finds all names that belong to it.
    """
    number = generation.generation
    # A run that was killed after the rename has not closed it.
    os.chmod(directory.generation(number), GENERATION_MODE)
    restore_names(directory, generation)
    record_event(directory, "switch", generation)
    _note_leaving(directory)
    replace_symlink(f"{directory.path}/current", f"generations/{generation_name(number)}")
    sync_directory(directory.path)


def _note_leaving(directory: Directory) -> None:
    """Give the current generation the time when it was current last: what gc goes by."""
    number = directory.current_number()
    if number is not None:
        with suppress(FileNotFoundError):
            os.utime(directory.generation(number))


def record_event(
    directory: Directory, event: str, generation: Generation, *, operator: str | None = None
) -> None:
    """Append a line to the directory's audit log: who, when, what, where.

    `operator` is the person who asked for it from another machine. The line comes before what it
    tells of: nothing happens that the log cannot take. A log that is long enough is put aside, in
    the place of the one before; the caller holds the directory's lock.
    """
    line = {
        "event": event,
        "time": utc_text(),
        "user": os.geteuid(),
        "operator": operator,
        "node": os.uname().nodename,
        "generation": generation.generation,
        "digest": generation.digest,
        "closures": {name: layer.closure for name, layer in generation.layers.items()},
    }
    aside, log = (f"{directory.path}/{name}" for name in AUDIT_LOGS)
    with suppress(FileNotFoundError):
        if os.stat(log).st_size >= _MOST_OF_A_LOG:
            os.replace(log, aside)
    append_line(log, json.dumps(line))


def _find(order: _Order) -> tuple[Generation | None, bool]:
    """The generation with this digest, among those that its layers' closures name.

    The newest is looked at too: a run may have been killed before it named it. One whose trees were
    changed is passed over, and told; whether there is one.
    """
    directory, publication = order.directory, order.publication
    numbers = set(directory.numbers()[-1:])
    for layer in publication.layers:
        numbers.add(directory.holder(layer.closure) or 0)
    digest, is_damaged = publication.digest(), False
    for number in sorted(numbers, reverse=True):
        with suppress(EnvcError):  # one that is damaged is not switched to
            record = directory.record(number)
            if record.digest == digest == record.own_digest() and directory.is_whole(record):
                changed = _changed_since(directory, record)
                if changed is None:
                    return record, is_damaged
                is_damaged = True
                order.reporter.warn(
                    f"generation {number} is not used again, as it was changed since it was made: "
                    f"{changed}"
                )
    return None, is_damaged


def _changed_since(directory: Directory, record: Generation) -> str | None:
    """What differs from what was published, by sizes and times; None: nothing, or it is in use."""
    if record.generation == directory.current_number():
        return None
    from envc.target.compare import published_manifest, records_in, verify_tree

    for layer in record.layers:
        root = directory.tree(record.generation, layer)
        manifest = published_manifest(directory, record, layer)
        if manifest is None:
            return f"the manifest of {layer}"
        found = verify_tree(manifest, root, fast=True, ignore=records_in(directory))
        if found:
            return ", ".join(f"{root}/{each.path} ({each.kind})" for each in found[:3])
    return None


def _found_or_built(order: _Order, *, verify: bool) -> tuple[Generation, bool]:
    """The generation of a publication, and whether it was built now.

    It is made beside the others, is durable, and then gets its name.
    """
    directory, publication, store, _, reporter = order
    present, is_damaged = _find(order)
    if present is not None:
        return present, False
    make_folder(directory.generations)
    copy = _is_to_copy(order)
    number = directory.newest_number() + 1
    staging = f"{directory.generations}/{STAGING_PREFIX}{generation_name(number)}-{os.getpid()}"
    try:
        plans = [
            (layer.plan, f"{staging}/{directory.subdirectory(layer.plan.layer)}".rstrip("/"))
            for layer in publication.layers
        ]
        built = build_trees(plans, tree_of=store.tree, copy=copy, reporter=reporter)
        generation = publication.record(number, built)
        _write_records(staging, publication, generation, store)
        sync_file_system(staging)
        # What was changed in a generation may have been changed in the store: it is one file.
        for plan, root in plans if verify or is_damaged else ():
            _refuse_what_differs(directory, plan, root, store)
        if verify:
            record_event(directory, "prepare", generation)
    except BaseException:
        remove_tree(staging)
        raise
    final = directory.generation(number)
    os.rename(staging, final)
    os.chmod(final, GENERATION_MODE)
    sync_directory(directory.generations)
    return generation, True


def _is_to_copy(order: _Order) -> bool:
    """Whether to copy, as that is wanted or links do not work; a trial link tells."""
    directory, publication, store, link_mode, reporter = order
    trial = next(filter(None, (linkable_file(layer.plan) for layer in publication.layers)), None)
    if link_mode == "copy" or trial is None:
        return link_mode == "copy"
    store_id, path = trial
    refusal = can_link(f"{store.tree(store_id)}/{path.decode()}", directory.generations)
    if refusal is None:
        return False
    what = f"hard links from the store do not work here: {refusal.strerror}"
    if link_mode == "hardlink":
        raise OutsideError(
            what,
            where=directory.generations,
            mend="put store and generations on one mount, owned by one user, or use "
            "--link-mode copy",
        ) from refusal
    reporter.warn(f"{what}; copying instead, which takes the disk space again")
    return True


def _refuse_what_differs(directory: Directory, plan: TreePlan, root: str, store: TreeStore) -> None:
    from envc.target.compare import verify_tree  # brings OpenSSL in; most runs do without

    manifest = manifest_from_text(read_bytes(store.layer_manifest(plan.digest)))
    with doing("compare what was built", root):
        problems = verify_tree(manifest, root, is_readable=True)
    if manifest.digest() != plan.digest or problems:
        named = ", ".join(f"{problem.path} ({problem.kind})" for problem in problems[:3])
        raise UntrustedError(
            f"what was built of layer {plan.layer} is not what was planned: "
            f"{named or 'its manifest is damaged'}",
            where=directory.store,
            mend="run `envc repair` on the target, and check its disk",
        )


def _write_records(
    staging: str, publication: Publication, generation: Generation, store: TreeStore
) -> None:
    """The record, the manifests and the specs, beside the trees."""
    for folder in ("manifests", "site"):
        os.mkdir(f"{staging}/{folder}")
        os.chmod(f"{staging}/{folder}", 0o755)
    for layer in publication.layers:
        kept = store.layer_manifest(layer.plan.digest)
        link_or_copy(kept, f"{staging}/manifests/{layer.plan.layer}")
    for name, content in publication.specs:
        write_new(f"{staging}/site/{name}", content, FILE_MODE)
    write_new(f"{staging}/.lease", b"\n", FILE_MODE)  # not empty: processes map it
    write_new(f"{staging}/manifest.json", generation_to_json(generation), FILE_MODE)


def remove_leftovers(directory: Directory) -> None:
    """Remove what runs that were killed left; the lock says that none is alive."""
    for name in names_in(directory.generations):
        if name.startswith(STAGING_PREFIX):
            remove_tree(f"{directory.generations}/{name}")
        elif name.startswith(TRIAL_PREFIX):
            os.unlink(f"{directory.generations}/{name}")
    remove_abandoned(f"{directory.path}/envc", ".part-")
    remove_temporaries(f"{directory.path}/by-lock")
    for folder, _, _ in os.walk(f"{directory.path}/{MODULEFILES}"):
        remove_temporaries(folder)


def remove_tree(path: str) -> None:
    """Remove what a run that did not end left behind; what cannot be removed now stays."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def make_directory(directory: Directory) -> None:
    """Make the folder itself, 0755 whatever the umask, with its parents."""
    with doing("make the folder", directory.path):
        make_folder(directory.path)
