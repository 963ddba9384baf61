"""What a target is to publish: planned before for the same specs and locks, or planned now.

Plans are kept in the target's store. On the way of every materialize: unless it has to plan, this
parses no spec and imports little.
"""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from envc.disk.code import digest_of_code
from envc.disk.digests import bytes_of, known_bytes
from envc.disk.durable import disk_error, doing, make_folder, write_file
from envc.disk.folders import names_in
from envc.formats.publication import publication_from_bytes, publication_to_bytes
from envc.host.context import Context
from envc.host.machine import default_interpreter, interpreter_stamp
from envc.model.digest import Digest, digest_from_hex, digest_of, digest_of_json, hex_of
from envc.model.generation import Generation
from envc.model.manifest import FILE_MODE
from envc.model.names import is_inventory_name, layer_of_lock_file
from envc.model.publication import Publication
from envc.store.store import Store
from envc.target.directory import Directory
from envc.target.opened import locate, read_location
from envc.target.settle import storage_in

if TYPE_CHECKING:
    from envc.model.bundle import Sources


# Whose code decides what is planned; `runtime` is what trees are given.
_ROOMS = (
    *("target", "supply", "sites", "core", "bundle", "build", "cluster", "index", "store", "host"),
    *("described", "expand", "resolve", "lock", "view", "plan", "formats", "model", "runtime"),
)

_PLANS_OF_EACH = 4


def publication_for(
    spec: tuple[str, str],
    directory: Directory,
    current: Generation | None,
    layers: tuple[str, ...],
    sources: "Sources",
    context: Context,
) -> Publication:
    """What to publish, with the store filled; `spec` is the site's folder and its spec's name.

    Raises:
        UsageError, AnswerIsNo, UntrustedError, OutsideError: as for `plan_site`.
    """
    here = current.interpreter if current is not None else default_interpreter()
    key = _key(*spec, directory, current, layers, interpreter=here)
    kept = _load(directory, key)
    if kept is not None and kept.policy and not kept.on_files:
        inventories = kept.inventories()
        if inventories:
            from envc.target.environments import refuse_other_environments

            refuse_other_environments(inventories)
        _locate(directory, spec[0], kept)
        return kept

    from envc.target.planning import plan_site

    publication = plan_site(
        spec, directory, current=current, layers=layers, sources=sources, context=context
    )
    key = _key(*spec, directory, current, layers, interpreter=publication.interpreter)
    save_plan(directory, key, publication)
    return publication


def _key(
    folder: str,
    spec_name: str,
    directory: Directory,
    current: Generation | None,
    layers: tuple[str, ...],
    *,
    interpreter: str,
) -> Digest:
    """The digest of all that a plan follows from; of the `layers` asked for, none: of all.

    The same code, specs and locks give the same plan on one target, with one interpreter. What was
    not asked for carries over from the current generation.
    """
    carried = {name: layer.lock for name, layer in current.layers.items()} if current else {}
    return digest_of_json(
        {
            "code": digest_of_code(*_ROOMS),
            "site": folder,
            "target": directory.path,
            "interpreter": interpreter_stamp(interpreter),
            "asked": [sorted(layers), carried] if layers else [],
            "files": [[name, digest_of(text)] for name, text in _files(folder, spec_name)],
        }
    )


def _files(folder: str, spec_name: str) -> Iterator[tuple[str, bytes]]:
    """The spec, the locks, and the inventories that the spec names."""
    spec = _read(f"{folder}/{spec_name}")
    yield spec_name, spec
    for name in sorted(os.listdir(folder)):
        is_named = is_inventory_name(name) and name.encode() in spec
        if is_named or layer_of_lock_file(name) is not None:
            yield name, _read(f"{folder}/{name}")


def _read(path: str) -> bytes:
    """The bytes of a file; one that cannot be read is not left out: the plan would be another."""
    with doing("read what to materialize", path), open(path, "rb") as file:
        return file.read()


def _locate(directory: Directory, folder: str, kept: Publication) -> None:
    """Let the target say where it and its site in that folder are, as planning does."""
    copied_from = read_location(folder)
    checkout = copied_from.checkout if copied_from is not None else folder
    locate(directory, site=kept.site, storage=storage_in(kept.policy), checkout=checkout)


def _load(directory: Directory, key: Digest) -> Publication | None:
    """The publication planned under this key, if all it needs is still there."""
    text = known_bytes(_path(directory, key))
    publication = publication_from_bytes(text) if text is not None else None
    if publication is None or not os.access(publication.interpreter, os.X_OK):
        return None
    store = Store(directory.store)
    for layer in publication.layers:
        if not os.path.exists(store.layer_manifest(layer.plan.digest)):
            return None
        if not all(store.has(link.store_id) for link in layer.plan.links):
            return None
    return publication


def kept_publications(directory: Directory, *, all_of_them: bool = False) -> Iterator[Publication]:
    """Everything planned before that is kept and can still be read.

    Raises:
        OutsideError: some cannot be read, and `all_of_them` are asked for.
    """
    found = _kept(directory, all_of_them=all_of_them)
    return (each for _, each in found if each is not None)


def drop_plans(directory: Directory, survivors: Iterable[Generation]) -> None:
    """Remove kept plans of other generations, and manifests of other layers.

    Of one generation the plans that were made last stay: each text of its spec has one.
    """
    records = list(survivors)
    layers = {layer.digest for record in records for layer in record.layers.values()}
    for name in names_in(f"{directory.store}/manifests"):
        if digest_from_hex(name) not in layers:
            os.unlink(f"{directory.store}/manifests/{name}")
    room = dict.fromkeys((record.digest for record in records), _PLANS_OF_EACH)
    newest_first = sorted(_kept(directory), key=lambda kept: (-os.stat(kept[0]).st_mtime, kept[0]))
    for path, publication in newest_first:
        digest = publication.digest() if publication is not None else None
        left = room.get(digest, 0) if digest is not None else 0
        if digest is None or not left:
            os.unlink(path)
        else:
            room[digest] = left - 1


def _kept(
    directory: Directory, *, all_of_them: bool = False
) -> Iterator[tuple[str, Publication | None]]:
    """The file of each kept plan, and what it says; None: it is none.

    One that cannot be read is passed over, unless all are asked for: it may be, another time.
    """
    for name in names_in(f"{directory.store}/plans"):
        path = f"{directory.store}/plans/{name}"
        try:
            text = bytes_of(path)
        except OSError as error:
            if all_of_them:
                raise disk_error(error, "read a plan that was kept", path) from error
        else:
            yield path, publication_from_bytes(text)


def save_plan(directory: Directory, key: Digest, publication: Publication) -> None:
    """Keep a publication under its key: the next run carries it out again, repair mends from it."""
    path = _path(directory, key)
    with doing("keep the plan", path):
        make_folder(os.path.dirname(path))
        write_file(path, publication_to_bytes(publication), mode=FILE_MODE)


def _path(directory: Directory, key: Digest) -> str:
    return f"{directory.store}/plans/{hex_of(key)}"
