"""What names and explains a generation, mended: its record, its specs and locks, `current`.

All of it can be had again from what was planned for the generation, which the store keeps.
"""

import os

from envc.disk.durable import make_folder, replace_symlink, sync_directory, write_file
from envc.errors import EnvcError
from envc.formats.generation import generation_to_json
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation, GenerationLayer, generation_name
from envc.model.manifest import FILE_MODE
from envc.model.names import lock_file_name
from envc.model.publication import Publication, PublishedLayer
from envc.target.directory import Directory, read_bytes
from envc.target.mend import writable
from envc.target.remove import move_to_trash


def mend_record(
    directory: Directory, number: int, publications: list[Publication]
) -> Generation | None:
    """The record of a generation, written anew from what was planned; None: nothing fits it."""
    fitting = next((p for p in publications if _fits(directory, number, p)), None)
    if fitting is None:
        return None
    record = Generation(
        generation=number,
        digest=fitting.digest(),
        site=fitting.site,
        python=fitting.python,
        interpreter=fitting.interpreter,
        core=fitting.core,
        layers={layer.plan.layer: _layer(directory, number, layer) for layer in fitting.layers},
        specs=fitting.spec_digests(),
    )
    with writable(directory.generation(number)):
        path = f"{directory.generation(number)}/manifest.json"
        write_file(path, generation_to_json(record), mode=FILE_MODE)
    return record


def mend_specs(
    directory: Directory, record: Generation, publications: list[Publication]
) -> dict[str, bool]:
    """Specs and locks of a generation that were damaged: path in it → whether it is mended."""
    folder = f"{directory.generation(record.generation)}/site"
    published = published_specs(record)
    damaged = [
        name for name, digest in published.items() if file_digest(f"{folder}/{name}") != digest
    ]
    if not damaged:
        return {}
    specs = (publication.specs for publication in publications)
    kept = {(name, digest_of(text)): text for each in specs for name, text in each}
    texts = {name: kept[key] for name in damaged if (key := (name, published[name])) in kept}
    if texts:
        with writable(directory.generation(record.generation)):
            make_folder(folder)
    for name, text in texts.items():
        write_file(f"{folder}/{name}", text, mode=FILE_MODE)
    return {f"site/{name}": name in texts for name in damaged}


def published_specs(record: Generation) -> dict[str, Digest]:
    """The digest of each file in a generation's `site/`, as far as its record tells them."""
    locks = {lock_file_name(name): layer.lock for name, layer in record.layers.items()}
    return locks | (record.specs or {})


def mend_current(directory: Directory, complete: list[int]) -> bool:
    """Whether `current` led astray; it names the newest of the `complete` generations then."""
    try:
        number = directory.current_number()
    except EnvcError:
        number = 0
    if number is None or number in complete or not complete:
        return False
    path = f"{directory.path}/current"
    if not os.path.islink(path):
        move_to_trash(directory, path)
    replace_symlink(path, f"generations/{generation_name(max(complete))}")
    sync_directory(directory.path)
    return True


def _fits(directory: Directory, number: int, publication: Publication) -> bool:
    """Whether the generation's locks and manifests are those of what was planned."""
    folder = directory.generation(number)
    layers = {layer.plan.layer for layer in publication.layers}
    try:
        found = set(os.listdir(f"{folder}/manifests"))
    except OSError:
        return False
    return found == layers and all(
        file_digest(f"{folder}/manifests/{layer.plan.layer}") == layer.plan.digest
        and file_digest(f"{folder}/site/{lock_file_name(layer.plan.layer)}") == layer.lock
        for layer in publication.layers
    )


def _layer(directory: Directory, number: int, layer: PublishedLayer) -> GenerationLayer:
    plan = layer.plan
    root = directory.tree(number, plan.layer)
    linked = copied = 0
    for link in plan.links:
        tree = f"{directory.store}/wheels/{link.store_id}/tree"
        for path in map(os.fsdecode, link.every_path()):
            # What is missing will be linked again.
            if _inode(f"{root}/{path}") in (0, _inode(f"{tree}/{path}")):
                linked += 1
            else:
                copied += 1
    copied += len(plan.files)
    return GenerationLayer(
        digest=plan.digest,
        closure=layer.closure,
        lock=layer.lock,
        distributions=len(layer.wheels),
        files=linked + copied,
        linked=linked,
        copied=copied,
        wheels=layer.wheels,
        runtime=layer.runtime,
    )


def _inode(path: str) -> int:
    """A file's inode; 0 where it is missing."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return 0


def file_digest(path: str) -> Digest | None:
    """The digest of a file; None where it cannot be read."""
    try:
        return digest_of(read_bytes(path))
    except EnvcError:
        return None
