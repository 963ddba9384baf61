"""`envc stage`: an overlay on the node's own disk, for a job.

    <stage>/<name>-<generation's digest>/     an overlay's folder, complete or not there
    <stage>/.<name>.lock                      who unpacks one of it; on a local disk locks hold

A packed overlay is read once, from its beginning to its end; one that is not packed is packed onto
the local disk first. Jobs that stage the same overlay at once wait for the first of them. Before
one more copy is made, those that may go are removed (`stage_care`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from envc.bundle import Bundle
from envc.disk.durable import doing, sync_directory, write_file
from envc.disk.locks import exclusive
from envc.disk.private import private_folder, remove_abandoned
from envc.errors import UntrustedError
from envc.formats.location import location_to_text
from envc.host.context import Context
from envc.host.space import Need, refuse_what_cannot_fit
from envc.model.digest import Digest
from envc.model.names import PACKED
from envc.model.publication import Publication
from envc.overlays.pack import TREES, read_packed, write_packed
from envc.overlays.stage_care import lock_of, on_its_way, refuse_strangers_stage, remove_unused
from envc.overlays.staged import stage_root, staged, staged_place
from envc.plan.tree import broken_invariants, manifest_of_plan
from envc.reports.stage import StageReport
from envc.store import Store
from envc.store.portable import receive_trees
from envc.store.staging import TEMPORARY
from envc.target.directory import Directory, Shape
from envc.target.opened import built_overlay
from envc.target.publish import make_directory, publish, remove_tree


def stage(source: str, to: str | None, context: Context) -> StageReport:
    """Stage the overlay in a folder, or of a packed file.

    Raises:
        UsageError: no overlay is there, or the stage is somebody else's.
        UntrustedError: the packed file is damaged.
        OutsideError: the disk refused, or is too small.
    """
    root = stage_root(to)
    _make_private(root)
    directory = Directory(os.path.abspath(source), Shape.OVERLAY)
    packed = directory.path if os.path.isfile(source) else f"{directory.path}/{PACKED}"
    if os.path.isdir(source) and (not os.path.exists(packed) or directory.current() is not None):
        return _from_folder(directory, packed, root, context)
    with Bundle(packed) as bundle:
        publication, _ = read_packed(bundle)
        name, digest = publication.layers[0].plan.layer, publication.digest()
        with _place_of_own(name, digest, root) as (place, changed):
            if changed:
                _unpack(bundle, place, context)
    return _report(place, changed=changed)


def _from_folder(directory: Directory, packed: str, root: str, context: Context) -> StageReport:
    """Stage what is built in a folder; its packed file is taken if it is of the same generation."""
    current = built_overlay(directory)
    (name,) = current.layers
    with _place_of_own(name, current.digest, root) as (place, changed):
        if changed and _is_of(packed, current.digest):
            with Bundle(packed) as bundle:
                _unpack(bundle, place, context)
        elif changed:
            with _private(place) as folder:
                write_packed(directory, current, f"{folder}/{PACKED}")
                with Bundle(f"{folder}/{PACKED}") as bundle:
                    _unpack(bundle, place, context)
    return _report(place, changed=changed)


def _is_of(packed: str, generation: Digest) -> bool:
    """Whether a packed file is there, and of that generation."""
    if not os.path.exists(packed):
        return False
    with Bundle(packed) as bundle:
        return read_packed(bundle)[0].digest() == generation


@contextmanager
def _place_of_own(name: str, generation: Digest, root: str) -> Iterator[tuple[str, bool]]:
    """Where a generation is to be staged, and whether it has to be: what is there, is used now.

    Nobody else of this node stages it meanwhile.
    """
    place = staged_place(name, generation, root)
    if staged(name, generation, root) is None:
        remove_unused(root)
    with exclusive(lock_of(root, name)):
        remove_abandoned(root, on_its_way(place))
        present = staged(name, generation, root)
        if present is not None:
            os.utime(present)
        yield place, present is None


def _report(place: str, *, changed: bool) -> StageReport:
    current = built_overlay(Directory(place, Shape.OVERLAY))
    ((name, layer),) = current.layers.items()
    return StageReport(
        name=name,
        path=place,
        generation=current.digest,
        changed=changed,
        files=layer.files,
    )


def _unpack(bundle: Bundle, place: str, context: Context) -> None:
    """Unpack a packed overlay beside its place, then give it its name."""
    publication, location = read_packed(bundle)
    need = sum(entry.size_bytes for entry in bundle.index.entries)
    links = sum(link.paths.length for layer in publication.layers for link in layer.plan.links)
    refuse_what_cannot_fit(Need(need, links), os.path.dirname(place), context.reporter)
    with _private(place) as folder:
        inner = f"{folder}/overlay"
        _build(bundle, publication, inner, context)
        write_file(f"{inner}/location.toml", location_to_text(location))
        remove_tree(f"{inner}/store/{TEMPORARY}")  # nobody comes back to what is left in there
        os.rename(inner, place)
        sync_directory(os.path.dirname(place))


def _build(bundle: Bundle, publication: Publication, folder: str, context: Context) -> None:
    """Make an overlay's folder, complete but for its location."""
    directory = Directory(folder, Shape.OVERLAY)
    make_directory(directory)
    names = [entry.name for entry in bundle.index.entries if entry.name.startswith(TREES)]
    receive_trees(
        directory.store,
        {name.removeprefix(TREES): bundle.chunks(name) for name in names},
        source=bundle.path,
    )
    store = Store(directory.store)
    for layer in publication.layers:
        manifest = manifest_of_plan(layer.plan, store.manifest)
        for broken in broken_invariants(layer.plan, manifest):
            raise UntrustedError(
                f"what this packed overlay is built from is damaged: {broken}",
                where=bundle.path,
                mend="pack it again with `envc overlay pack`",
            )
        store.keep_manifest(manifest)
    publish(directory, publication, store, link_mode="auto", reporter=context.reporter)
    for name, text in publication.specs:
        write_file(f"{folder}/{name}", text)


def _make_private(root: str) -> None:
    """Make the stage, which nobody else may write."""
    with doing("make the stage", root):
        os.makedirs(root, mode=0o700, exist_ok=True)
    refuse_strangers_stage(root)


@contextmanager
def _private(place: str) -> Iterator[str]:
    """A private folder beside a place, gone when the context ends."""
    root = os.path.dirname(place)
    with doing("stage the overlay", place), private_folder(root, on_its_way(place)) as folder:
        yield folder
