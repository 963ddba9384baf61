"""`envc verify`: is a target (or an overlay's folder) what was materialized there?"""

import os
from collections.abc import Iterator
from contextlib import suppress

from envc.disk.durable import disk_error
from envc.errors import EnvcError, UsageError
from envc.model.difference import Difference, DifferenceKind
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import Manifest, manifest_from_text, path_of
from envc.model.names import GENERATION_NAMES, lock_file_name
from envc.model.spec import CORE
from envc.reports.verify import VerifyProblem, VerifyReport
from envc.store import Store
from envc.target.beside import differences_beside
from envc.target.compare import is_directory, mode_differences, verify_tree
from envc.target.core_care import core_problems
from envc.target.directory import Directory, read_bytes
from envc.target.opened import directory_at

# Where names stand that belong to no generation.
BESIDE = "target"


def verify(path: str, *, fast: bool = False) -> VerifyReport:
    """Every difference between the current generation and what it was published as.

    Compared are the trees with their manifests, those and the specs and locks with the digests in
    the record, the record with its own digest, and the manifests of the stored trees with those of
    the layers, and a core that the target carries with its own; the contents of the store are
    repair's matter. Every byte is read; `fast` looks at sizes, modes and modification times of the
    trees' files only, and so misses a change of the same size whose time was set back.

    Raises:
        UsageError: nothing is materialized here.
        SpecError, OutsideError: the record of the generation cannot be read.
        OutsideError: the disk refused.
    """
    directory = directory_at(path)
    folder = directory.path
    current = directory.current()
    if current is None:
        raise UsageError(
            "nothing is materialized here", where=folder, mend="name a target with --target DIR"
        )
    try:
        problems = [
            problem
            for layer in current.layers
            for problem in _problems(directory, current, layer, fast=fast)
        ]
        problems += _spec_problems(directory, current)
        problems += [
            _with_owner(BESIDE, difference, {})
            for difference in differences_beside(directory, _records(directory))
        ]
        problems += [
            _with_owner(CORE, problem, {}) for problem in core_problems(current, fast=fast)
        ]
    except OSError as error:
        raise disk_error(error, "read the trees", folder) from error
    return VerifyReport(
        ok=not problems,
        target=folder,
        generation=current.generation,
        digest=current.digest,
        problems=tuple(problems),
    )


def _records(directory: Directory) -> Iterator[Generation]:
    """The generations whose records can be read."""
    for number in directory.numbers():
        with suppress(EnvcError):  # repair says what is wrong with it
            yield directory.record(number)


def _problems(
    directory: Directory, current: Generation, layer: str, *, fast: bool
) -> list[VerifyProblem]:
    number = current.generation
    root = directory.tree(number, layer)
    problems: list[Difference] = []
    for name in damaged_records(directory, current, layer):
        path = f"{directory.generation(number)}/{name}"
        kind: DifferenceKind = "changed" if os.path.lexists(path) else "missing"
        problems.append(Difference(os.path.relpath(path, root), kind))
    problems += mode_differences(directory, number, layer)
    manifest = published_manifest(directory, current, layer)
    if manifest is not None:
        problems += verify_tree(manifest, root, fast=fast, ignore=records_in(directory))
        stored = _stored_records(directory, current, layer)
        problems += [Difference(os.path.relpath(path, root), kind) for path, kind in stored]
    owners = _owners(directory, current, layer) if problems else {}
    return [_with_owner(layer, problem, owners) for problem in problems]


def damaged_records(directory: Directory, record: Generation, layer: str) -> Iterator[str]:
    """Which of a layer's records are not those that were published, relative to the generation."""
    if record.digest != record.own_digest():
        yield "manifest.json"
    wanted = {
        f"manifests/{layer}": record.layers[layer].digest,
        f"site/{lock_file_name(layer)}": record.layers[layer].lock,
    }
    for name, digest in wanted.items():
        if _read(f"{directory.generation(record.generation)}/{name}", digest) is None:
            yield name


def _spec_problems(directory: Directory, record: Generation) -> Iterator[VerifyProblem]:
    """What is told of the bottom layer: damaged specs, and what was put beside the records."""
    layer = next(iter(record.layers))
    folder = directory.generation(record.generation)
    root = directory.tree(record.generation, layer)
    locks = {lock_file_name(name) for name in record.layers}
    found: dict[str, DifferenceKind] = {}
    for name, digest in (record.specs or {}).items():
        path = f"{folder}/site/{name}"
        if name not in locks and _read(path, digest) is None:
            found[path] = "changed" if os.path.lexists(path) else "missing"
    found |= {f"{folder}/{name}": "extra" for name in extra_records(directory, record)}
    for path in sorted(found):
        yield _with_owner(layer, Difference(os.path.relpath(path, root), found[path]), {})


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


def _stored_records(
    directory: Directory, record: Generation, layer: str
) -> Iterator[tuple[str, DifferenceKind]]:
    """Records of stored trees that are gone or damaged."""
    store = Store(directory.store)
    readers = {"manifest": store.manifest, "facts.json": store.facts}
    for tree in record.layers[layer].store_ids():
        for name, read in readers.items():
            if name == "facts.json" and tree == record.layers[layer].runtime:
                continue
            path = f"{directory.store}/wheels/{tree}/{name}"
            try:
                read(tree)
            except EnvcError:
                yield path, "changed" if os.path.lexists(path) else "missing"


def published_manifest(directory: Directory, record: Generation, layer: str) -> Manifest | None:
    """A layer's manifest as its record names it: the generation's, else the store's.

    None where both are damaged or gone.
    """
    wanted = record.layers[layer].digest
    own = f"{directory.generation(record.generation)}/manifests/{layer}"
    for path in (own, Store(directory.store).layer_manifest(wanted)):
        text = _read(path, wanted)
        if text is not None:
            return manifest_from_text(text)
    return None


def _read(path: str, digest: Digest) -> bytes | None:
    """A file's bytes if they have that digest."""
    try:
        text = read_bytes(path)
    except EnvcError:
        return None
    return text if digest_of(text) == digest else None


def records_in(directory: Directory) -> frozenset[str]:
    """What is no part of a tree though at its top: an overlay's tree is its generation."""
    return GENERATION_NAMES if directory.is_overlay else frozenset()


def _with_owner(layer: str, problem: Difference, owners: dict[str, str]) -> VerifyProblem:
    return VerifyProblem(
        layer=layer, path=problem.path, kind=problem.kind, project=owners.get(problem.path)
    )


def _owners(directory: Directory, current: Generation, layer: str) -> dict[str, str]:
    """Path → project, for every file that comes from a wheel whose manifest can be read."""
    store = Store(directory.store)
    owners: dict[str, str] = {}
    for wheel in current.layers[layer].wheels:
        try:
            lines = store.manifest(wheel.store_id).lines
            owners |= {
                path_of(line).decode(): wheel.project for line in lines if not line.startswith(b"d")
            }
        except (EnvcError, IndexError, UnicodeDecodeError):
            continue  # repair says what is wrong with the store
    return owners
