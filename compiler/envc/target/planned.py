"""What was planned for exactly these specs and locks before, kept in the target's store.

On the way of every materialize: it parses no spec and imports little.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from envc.disk.code import digest_of_code
from envc.disk.durable import disk_error, make_folder, write_file
from envc.errors import OutsideError
from envc.formats.publication import publication_from_bytes, publication_to_bytes
from envc.host.machine import interpreter_stamp
from envc.model.digest import Digest, digest_from_hex, digest_of, digest_of_json, hex_of
from envc.model.generation import Generation
from envc.model.manifest import FILE_MODE
from envc.model.publication import Publication
from envc.store.store import Store
from envc.target.directory import Directory, read_bytes

# Whose code decides what is planned; `runtime` is what trees are given.
_ROOMS = (
    *("target", "supply", "sites", "core", "bundle", "build", "cluster", "index", "store", "host"),
    *("expand", "resolve", "lock", "view", "plan", "formats", "model", "runtime"),
)


def plan_key(
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
    locks = [name for name in os.listdir(folder) if name.startswith("pylock.")]
    for name in (spec_name, *sorted(locks)):
        path = f"{folder}/{name}"
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:  # left out, it would be a plan of other files
            raise disk_error(error, "read what to materialize", path) from error
        yield name, text


def load_plan(directory: Directory, key: Digest) -> Publication | None:
    """The publication planned under this key, if all it needs is still there."""
    try:
        with open(_path(directory, key), "rb") as file:
            publication = publication_from_bytes(file.read())
    except OSError:
        return None
    if publication is None or not os.access(publication.interpreter, os.X_OK):
        return None
    store = Store(directory.store)
    for layer in publication.layers:
        if not os.path.exists(store.layer_manifest(layer.plan.digest)):
            return None
        if not all(store.has(link.store_id) for link in layer.plan.links):
            return None
    return publication


def kept_publications(directory: Directory) -> Iterator[Publication]:
    """Everything planned before that is kept and can still be read."""
    folder = f"{directory.store}/plans"
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in sorted(os.listdir(folder)):
            with suppress(OutsideError):
                publication = publication_from_bytes(read_bytes(f"{folder}/{name}"))
                if publication is not None:
                    yield publication


def drop_plans(directory: Directory, trees: frozenset[str], layers: frozenset[Digest]) -> None:
    """Remove kept plans that need other stored trees, and manifests of other layers."""
    with suppress(FileNotFoundError):
        for name in os.listdir(f"{directory.store}/manifests"):
            if digest_from_hex(name) not in layers:
                os.unlink(f"{directory.store}/manifests/{name}")
    with suppress(FileNotFoundError):
        for name in os.listdir(f"{directory.store}/plans"):
            path = f"{directory.store}/plans/{name}"
            publication = publication_from_bytes(read_bytes(path))
            needed = publication.layers if publication is not None else ()
            links = {link.store_id for layer in needed for link in layer.plan.links}
            if not needed or not links <= trees:
                os.unlink(path)


def save_plan(directory: Directory, key: Digest, publication: Publication) -> None:
    """Keep a publication under its key: the next run carries it out again, repair mends from it.

    Raises:
        OutsideError: the disk refused.
    """
    path = _path(directory, key)
    try:
        make_folder(os.path.dirname(path))
        write_file(path, publication_to_bytes(publication), mode=FILE_MODE)
    except OSError as error:
        raise disk_error(error, "keep the plan", path) from error


def _path(directory: Directory, key: Digest) -> str:
    return f"{directory.store}/plans/{hex_of(key)}"
