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
    disk_error,
    make_folder,
    remove_temporaries,
    replace_symlink,
    sync_directory,
    sync_file_system,
)
from envc.disk.locks import exclusive
from envc.disk.private import remove_abandoned
from envc.errors import EnvcError, OutsideError, UntrustedError
from envc.formats.generation import generation_to_json
from envc.model.generation import Generation, GenerationLayer, generation_name
from envc.model.manifest import FILE_MODE, manifest_from_text
from envc.model.names import MODULEFILES
from envc.model.publication import Publication, PublishedLayer
from envc.model.value import replace
from envc.ports import Reporter, TreeStore
from envc.target.directory import (
    GENERATION_MODE,
    STAGING_PREFIX,
    Directory,
    read_bytes,
)
from envc.target.linking import Built
from envc.target.settle import publish_policy, remove_names, restore_names
from envc.target.trees import (
    TRIAL_PREFIX,
    LinkMode,
    build_trees,
    can_link,
    link_or_copy,
    linkable_file,
    write_new,
)


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


def publish(
    directory: Directory,
    publication: Publication,
    store: TreeStore,
    *,
    link_mode: LinkMode,
    reporter: Reporter,
) -> Published:
    """The generation of a publication, made the current one, with all names and the policy.

    A generation with the same digest that still exists is switched to, not built again.

    Raises:
        OutsideError: the disk refused; `current` is as it was.
    """
    with writing(directory):
        present = _find(directory, publication)
        if present is None:
            copy = _decide(directory, publication, store, link_mode, reporter)
            present, staging = _stage(directory, publication, store, copy=copy, reporter=reporter)
            _name(directory, staging, present)
            return settle(directory, present, publication.policy)._replace(switched=True)
        return settle(directory, present, publication.policy)


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
        OutsideError: the disk refused.
        UntrustedError: what was built is not what was planned: the disk or the store is damaged.
    """
    with writing(directory):
        present = _find(directory, publication)
        built = present is None
        if present is None:
            copy = _decide(directory, publication, store, link_mode, reporter)
            present, staging = _stage(directory, publication, store, copy=copy, reporter=reporter)
            try:
                _refuse_what_differs(directory, staging, publication, store)
            except BaseException:
                remove_tree(staging)
                raise
            record_event(directory, "prepare", present)
            _name(directory, staging, present)
        _name_missing_closures(directory, present)
    return present, built


@contextmanager
def writing(directory: Directory) -> Iterator[None]:
    """Hold the directory's lock, rid of leftovers, with room for what is taken away.

    Raises:
        OutsideError: the disk refused.
    """
    with exclusive(directory.lock):
        try:
            remove_leftovers(directory)
            make_folder(directory.trash)
            yield
        except OSError as error:
            raise disk_error(error, "publish the generation", directory.path) from error


def switch(directory: Directory, generation: Generation) -> None:
    """Name a complete generation by its closures and layers, and make it the current one.

    `current` comes last: whoever finds the new generation there finds all names that belong to it.
    """
    number = generation.generation
    # A run that was killed after the rename has not closed it.
    os.chmod(directory.generation(number), GENERATION_MODE)
    restore_names(directory, generation)
    record_event(directory, "switch", generation)
    replace_symlink(f"{directory.path}/current", f"generations/{generation_name(number)}")
    sync_directory(directory.path)


def _name_missing_closures(directory: Directory, generation: Generation) -> None:
    """Let the closures that nothing holds yet lead to a generation."""
    make_folder(f"{directory.path}/by-lock")
    destination = f"../generations/{generation_name(generation.generation)}"
    for layer in generation.layers.values():
        if not os.path.exists(directory.by_lock(layer.closure)):
            replace_symlink(directory.by_lock(layer.closure), destination)
    sync_directory(f"{directory.path}/by-lock")


def record_event(
    directory: Directory, event: str, generation: Generation, *, operator: str | None = None
) -> None:
    """Append a line to the directory's audit log: who, when, what, where.

    `operator` is the person who asked for it from another machine. The line comes before what it
    tells of: nothing happens that the log cannot take.
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
    append_line(f"{directory.path}/audit.jsonl", json.dumps(line))


def _find(directory: Directory, publication: Publication) -> Generation | None:
    """The generation with this digest, among those that its layers' closures name.

    The newest is looked at too: a run may have been killed before it named it.
    """
    numbers = set(directory.numbers()[-1:])
    for layer in publication.layers:
        with suppress(OSError):
            name = os.path.basename(os.readlink(directory.by_lock(layer.closure)))
            numbers.add(int(name))
    digest = publication.digest()
    for number in sorted(numbers, reverse=True):
        with suppress(EnvcError):  # one that is damaged is not switched to
            record = directory.record(number)
            if record.digest == digest == record.own_digest() and directory.is_whole(record):
                return record
    return None


def _decide(
    directory: Directory,
    publication: Publication,
    store: TreeStore,
    link_mode: LinkMode,
    reporter: Reporter,
) -> bool:
    """Whether to copy instead of linking; a trial link tells."""
    make_folder(directory.generations)
    if link_mode == "copy":
        return True
    trial = next(filter(None, (linkable_file(layer.plan) for layer in publication.layers)), None)
    if trial is None:
        return False
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


def _stage(
    directory: Directory,
    publication: Publication,
    store: TreeStore,
    *,
    copy: bool,
    reporter: Reporter,
) -> tuple[Generation, str]:
    """A generation's record, and the folder where all of it is, durable, without its name."""
    number = max(directory.numbers(), default=0) + 1
    staging = f"{directory.generations}/{STAGING_PREFIX}{generation_name(number)}-{os.getpid()}"
    generation = Generation(
        generation=number,
        digest=publication.digest(),
        site=publication.site,
        python=publication.python,
        interpreter=publication.interpreter,
        core=publication.core,
        layers={},
        specs=publication.spec_digests(),
    )
    try:
        plans = [
            (layer.plan, f"{staging}/{directory.subdirectory(layer.plan.layer)}".rstrip("/"))
            for layer in publication.layers
        ]
        built = build_trees(plans, tree_of=store.tree, copy=copy, reporter=reporter)
        generation = replace(
            generation,
            layers={
                layer.plan.layer: _record(layer, placed)
                for layer, placed in zip(publication.layers, built, strict=True)
            },
        )
        _write_records(staging, publication, generation, store)
        sync_file_system(staging)
    except BaseException:
        remove_tree(staging)
        raise
    return generation, staging


def _refuse_what_differs(
    directory: Directory, staging: str, publication: Publication, store: TreeStore
) -> None:
    from envc.target.compare import verify_tree  # brings OpenSSL in; most runs do without

    for layer in publication.layers:
        root = f"{staging}/{directory.subdirectory(layer.plan.layer)}".rstrip("/")
        manifest = manifest_from_text(read_bytes(store.layer_manifest(layer.plan.digest)))
        problems = verify_tree(manifest, root)
        if manifest.digest() != layer.plan.digest or problems:
            named = ", ".join(f"{problem.path} ({problem.kind})" for problem in problems[:3])
            raise UntrustedError(
                f"what was built of layer {layer.plan.layer} is not what was planned: "
                f"{named or 'its manifest is damaged'}",
                where=directory.store,
                mend="run `envc repair` on the target, and check its disk",
            )


def _name(directory: Directory, staging: str, generation: Generation) -> None:
    """Give a staged generation its name."""
    final = directory.generation(generation.generation)
    os.rename(staging, final)
    os.chmod(final, GENERATION_MODE)
    sync_directory(directory.generations)


def _record(layer: PublishedLayer, built: Built) -> GenerationLayer:
    return GenerationLayer(
        digest=layer.plan.digest,
        closure=layer.closure,
        lock=layer.lock,
        distributions=len(layer.wheels),
        files=built.linked + built.copied,
        linked=built.linked,
        copied=built.copied,
        wheels=layer.wheels,
        runtime=layer.runtime,
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
    write_new(f"{staging}/.lease", b"", FILE_MODE)
    write_new(f"{staging}/manifest.json", generation_to_json(generation), FILE_MODE)


def remove_leftovers(directory: Directory) -> None:
    """Remove what runs that were killed left; the lock says that none is alive."""
    with suppress(FileNotFoundError):
        for name in os.listdir(directory.generations):
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
    """Make the folder itself, 0755 whatever the umask, with its parents.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        make_folder(directory.path)
    except OSError as error:
        raise disk_error(error, "make the folder", directory.path) from error
