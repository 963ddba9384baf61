"""`envc overlay pack`: an overlay's current generation as one file.

publication              what the generation is made from, as the store keeps it
location.toml            where its base is
trees/<store id>         each stored tree that it is linked from
"""

import os
import re

from envc.bundle import Bundle, BundleWriter
from envc.disk.durable import doing
from envc.disk.locks import exclusive
from envc.disk.ownership import refuse_foreign
from envc.errors import UntrustedError, UsageError, shell_word
from envc.formats.location import Location, location_from_text, location_to_text
from envc.formats.publication import publication_from_bytes, publication_to_bytes
from envc.model.digest import Digest
from envc.model.generation import Generation
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE
from envc.model.names import NAME_FORM, OVERLAY_SPEC, PACKED, lock_file_name
from envc.model.publication import Publication
from envc.reports.overlay_pack import PackReport
from envc.store.portable import tree_stream
from envc.target.contents import remove_empty_folders, remove_path, standing
from envc.target.directory import Directory, Shape
from envc.target.opened import built_overlay, read_location
from envc.target.publication import kept_publications

PUBLICATION, LOCATION, TREES = "publication", "location.toml", "trees/"


def pack(folder: str, output: str | None, *, alone: bool) -> PackReport:
    """Pack the overlay in `folder`; with `alone`, remove what was built there afterwards.

    Where that was begun before, and did not end, it goes on.

    Raises:
        UsageError: no overlay is built here, it is somebody else's, or `alone` with an `output`
            that the overlay would not find again.
    """
    directory = Directory(os.path.abspath(folder), Shape.OVERLAY)
    packed = f"{directory.path}/{PACKED}"
    if alone and output is None and directory.current_number() is None and os.path.exists(packed):
        return _go_on_alone(directory, packed)
    current = built_overlay(directory)
    if alone and output is not None:
        raise UsageError(
            "an overlay finds its packed file in its own folder only",
            where=output,
            mend="leave out -o, or --alone",
        )
    if alone or output is None:
        refuse_foreign(directory.path)
    path = output or packed
    with exclusive(directory.store_lock):
        digest = write_packed(directory, current, path)
        if alone:
            with exclusive(directory.lock):
                _remove_built(directory)
    (name,) = current.layers
    return PackReport(
        name=name,
        path=os.path.abspath(path),
        digest=digest,
        generation=current.digest,
        size_bytes=os.stat(path).st_size,
        files=current.layers[name].files,
        alone=alone,
    )


def _go_on_alone(directory: Directory, packed: str) -> PackReport:
    """Remove what is left of what the packed file holds, which is whole.

    Raises:
        UntrustedError: it is damaged.
    """
    refuse_foreign(directory.path)
    with Bundle(packed) as bundle:
        publication, _ = read_packed(bundle)
        for entry in bundle.index.entries:
            for _ in bundle.chunks(entry.name):
                pass  # each is compared with its digest
    with exclusive(directory.store_lock), exclusive(directory.lock):
        _remove_built(directory)
    (layer,) = publication.layers
    return PackReport(
        name=layer.plan.layer,
        path=packed,
        digest=bundle.digest,
        generation=publication.digest(),
        size_bytes=os.stat(packed).st_size,
        files=sum(link.paths.length for link in layer.plan.links) + len(layer.plan.files),
        alone=True,
    )


def write_packed(directory: Directory, current: Generation, path: str) -> Digest:
    """Write the current generation to a file; the digest of its index.

    Raises:
        UsageError: what it was made from is not kept any more.
    """
    if not current.site:
        raise UsageError(
            "this overlay stands on an environment that envc did not build, and does not travel: "
            "what is packed or staged finds its base by a target",
            where=directory.path,
            mend="start its bin/python where it is",
        )
    publication = next(
        (
            each
            for each in kept_publications(directory, all_of_them=True)
            if each.digest() == current.digest
        ),
        None,
    )
    location = read_location(directory.path)
    if publication is None or location is None:
        raise UsageError(
            "what this overlay was built from is not kept any more",
            where=directory.path,
            mend=f"run `envc overlay sync --dir {shell_word(directory.path)}`",
        )
    ((name, layer),) = current.layers.items()
    with BundleWriter(path) as bundle:
        bundle.add(PUBLICATION, [publication_to_bytes(publication)])
        bundle.add(LOCATION, [location_to_text(location)])
        for store_id in sorted(set(layer.store_ids())):
            stream = tree_stream(directory.store, store_id)
            bundle.add(TREES + store_id, stream.chunks, digest_bytes=stream.head_bytes)
        return bundle.finish("overlay", name)


def read_packed(bundle: Bundle) -> tuple[Publication, Location]:
    """What a packed overlay is made from, and where its base is.

    Raises:
        UntrustedError: it is no packed overlay, or damaged.
    """
    publication = None
    if bundle.index.kind == "overlay":
        publication = publication_from_bytes(bundle.read(PUBLICATION))
    trees = {entry.name.removeprefix(TREES) for entry in bundle.index.entries}
    if publication is None or not _is_sound(publication, trees):
        raise UntrustedError(
            "this is no packed overlay that this envc can read",
            where=bundle.path,
            mend="pack it again with `envc overlay pack`",
        )
    return publication, location_from_text(bundle.read(LOCATION), f"{bundle.path} ({LOCATION})")


def _is_sound(publication: Publication, trees: set[str]) -> bool:
    """Whether a publication that came in a file names an overlay, and nothing outside of it.

    What its plan does is checked when the trees are there (`stage`).
    """
    if len(publication.layers) != 1:
        return False
    (layer,) = publication.layers
    name = layer.plan.layer
    linked = {link.store_id for link in layer.plan.links}
    named = {layer.runtime, *(wheel.store_id for wheel in layer.wheels)}
    specs = {spec for spec, _ in publication.specs}
    return (
        re.fullmatch(NAME_FORM, name) is not None
        and linked | named <= trees
        and specs == {OVERLAY_SPEC, lock_file_name(name)}
        and all(file.mode in (FILE_MODE, EXECUTABLE_MODE) for file in layer.plan.files)
    )


def _remove_built(directory: Directory) -> None:
    """Remove what the packed file holds: first the names, then what they name."""
    with doing("remove what is packed now", directory.path):
        rows = [(path, row) for path, row in standing(directory) if row is not None and row.packed]
        for path, _ in sorted(rows, key=lambda each: each[1].goes != "first"):
            remove_path(directory, path)
        remove_empty_folders(directory)
