"""`envc verify`: is a target (or an overlay's folder) what was materialized there?"""

import os
from collections.abc import Iterator
from contextlib import suppress

from envc.disk.durable import disk_error
from envc.errors import EnvcError, UsageError
from envc.model.generation import Generation
from envc.model.manifest import Difference, DifferenceKind, path_of
from envc.model.names import CORE, lock_file_name
from envc.reports.verify import VerifyProblem, VerifyReport
from envc.store import Store
from envc.target.beside import differences_beside
from envc.target.compare import (
    BESIDE,
    ENVIRONMENT,
    damaged_records,
    environment_differences,
    extra_records,
    mode_differences,
    published_manifest,
    read_as,
    records_in,
    stored_records,
    verify_tree,
)
from envc.target.directory import Directory
from envc.target.opened import directory_at


def verify(path: str, *, fast: bool = False) -> VerifyReport:
    """Every difference between the current generation and what it was published as.

    Compared are the trees with their manifests, those and the specs and locks with the digests in
    the record, the record with its own digest, and the manifests of the stored trees with those of
    the layers, a core that the target carries with its own, and an environment that envc did not
    build with what was described of it; the contents of the store are repair's matter. Every byte
    is read; `fast` looks at sizes, modes and modification times of the trees' files only, and so
    misses a change of the same size whose time was set back.

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
            _with_owner(ENVIRONMENT, difference, {})
            for difference in environment_differences(directory, current)
        ]
        problems += _core_problems(current, fast=fast)
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
        stored = stored_records(directory, current, layer)
        problems += [Difference(os.path.relpath(path, root), kind) for path, kind in stored]
    owners = _owners(directory, current, layer) if problems else {}
    return [_with_owner(layer, problem, owners) for problem in problems]


def _spec_problems(directory: Directory, record: Generation) -> Iterator[VerifyProblem]:
    """What is told of the bottom layer: damaged specs, and what was put beside the records."""
    layer = next(iter(record.layers))
    folder = directory.generation(record.generation)
    root = directory.tree(record.generation, layer)
    locks = {lock_file_name(name) for name in record.layers}
    found: dict[str, DifferenceKind] = {}
    for name, digest in (record.specs or {}).items():
        path = f"{folder}/site/{name}"
        if name not in locks and read_as(path, digest) is None:
            found[path] = "changed" if os.path.lexists(path) else "missing"
    found |= {f"{folder}/{name}": "extra" for name in extra_records(directory, record)}
    for path in sorted(found):
        yield _with_owner(layer, Difference(os.path.relpath(path, root), found[path]), {})


def _core_problems(current: Generation, *, fast: bool) -> list[VerifyProblem]:
    if current.core is None:
        return []
    from envc.target.core_care import core_differences  # few targets carry one

    return [_with_owner(CORE, problem, {}) for problem in core_differences(current, fast=fast)]


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
