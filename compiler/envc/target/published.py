"""What was published of a generation, as far as it is still there: records, listings, specs."""

import os
from collections.abc import Iterator

from envc.errors import EnvcError
from envc.model.difference import DifferenceKind
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import Manifest, manifest_from_text
from envc.model.names import GENERATION_NAMES, lock_file_name
from envc.store.store import Store
from envc.target.compare import is_directory
from envc.target.directory import Directory, read_bytes

# Where names stand that belong to no generation.
BESIDE = "target"


def damaged_records(directory: Directory, record: Generation, layer: str) -> Iterator[str]:
    """Which of a layer's records are not those that were published, relative to the generation."""
    if record.digest != record.own_digest():
        yield "manifest.json"
    wanted = {
        f"manifests/{layer}": record.layers[layer].digest,
        f"site/{lock_file_name(layer)}": record.layers[layer].lock,
    }
    for name, digest in wanted.items():
        if read_as(f"{directory.generation(record.generation)}/{name}", digest) is None:
            yield name


def extra_records(directory: Directory, record: Generation) -> Iterator[str]:
    """What stands beside a generation's records and trees, and was not published; relative to it.

    Of an overlay's folder, which is its tree, what is at the top is the tree's own matter.
    """
    wanted = {"manifests": {*record.layers}}
    if record.specs is not None:
        wanted["site"] = {*record.specs}
    if not directory.is_overlay:
        wanted["."] = {*GENERATION_NAMES, *record.layers}
    generation = directory.generation(record.generation)
    for folder, names in wanted.items():
        if is_directory(f"{generation}/{folder}"):  # else its records tell that it is not
            present = set(os.listdir(f"{generation}/{folder}"))
            yield from (os.path.normpath(f"{folder}/{name}") for name in present - names)


def stored_records(
    directory: Directory, record: Generation, layer: str
) -> Iterator[tuple[str, DifferenceKind]]:
    """Records of stored trees that are gone or damaged."""
    store = Store(directory.store)
    for tree in record.layers[layer].store_ids():
        for name in ("manifest", "facts.json"):
            if name == "facts.json" and tree == record.layers[layer].runtime:
                continue
            path = f"{directory.store}/wheels/{tree}/{name}"
            try:
                store.record(tree, name)
            except EnvcError:
                yield path, "changed" if os.path.lexists(path) else "missing"


def published_manifest(directory: Directory, record: Generation, layer: str) -> Manifest | None:
    """A layer's manifest as its record names it: the generation's, else the store's.

    None where both are damaged or gone.
    """
    wanted = record.layers[layer].digest
    own = f"{directory.generation(record.generation)}/manifests/{layer}"
    for path in (own, Store(directory.store).layer_manifest(wanted)):
        text = read_as(path, wanted)
        if text is not None:
            return manifest_from_text(text)
    return None


def read_as(path: str, digest: Digest) -> bytes | None:
    """A file's bytes if they have that digest."""
    try:
        text = read_bytes(path)
    except EnvcError:
        return None
    return text if digest_of(text) == digest else None


def records_in(directory: Directory) -> frozenset[str]:
    """What is no part of a tree though at its top: an overlay's tree is its generation."""
    return GENERATION_NAMES if directory.is_overlay else frozenset()
