"""`envc verify`: is a target (or an overlay's folder) what was materialized there?"""

import os
from dataclasses import dataclass

from envc.errors import UsageError
from envc.materialize.directory import Directory
from envc.materialize.verify import Problem, verify_tree
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import path_of
from envc.pipeline.base import directory_at
from envc.store import Store

_RECORDS = frozenset({"manifest.json", "manifests", "site", ".lease"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyProblem:
    """A path that is not as it was published; `project` is whose file it is, if any's."""

    layer: str
    path: str
    kind: str
    project: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `envc verify` found; `ok` when nothing."""

    ok: bool
    target: str
    generation: int
    digest: Digest
    problems: tuple[VerifyProblem, ...]


def verify(path: str, *, fast: bool = False) -> VerifyReport:
    """Every difference between the current generation and its manifests.

    Every byte is read; `fast` looks at sizes, modes and modification times only.

    Raises:
        UsageError: nothing is materialized here.
    """
    directory = directory_at(path)
    folder = directory.path
    current = directory.current()
    if current is None:
        raise UsageError(
            "nothing is materialized here", where=folder, mend="name a target with --target DIR"
        )
    problems = [
        problem
        for layer in current.layers
        for problem in _problems(directory, current, layer, fast=fast)
    ]
    return VerifyReport(
        ok=not problems,
        target=folder,
        generation=current.generation,
        digest=current.digest,
        problems=tuple(problems),
    )


def _problems(
    directory: Directory, current: Generation, layer: str, *, fast: bool
) -> list[VerifyProblem]:
    number = current.generation
    manifest = directory.manifest(number, layer)
    root = directory.tree(number, layer)
    found: list[VerifyProblem] = []
    if digest_of(manifest.text()) != current.layers[layer].digest:
        path = os.path.relpath(f"{directory.generation(number)}/manifests/{layer}", root)
        found.append(VerifyProblem(layer=layer, path=path, kind="changed", project=None))
    ignore = records_in(directory)
    problems = verify_tree(manifest, root, fast=fast, ignore=ignore)
    owners = _owners(directory, current, layer) if problems else {}
    return found + [_with_owner(layer, problem, owners) for problem in problems]


def records_in(directory: Directory) -> frozenset[str]:
    """What is no part of a tree though at its top: an overlay's tree is its generation."""
    return _RECORDS if directory.is_overlay else frozenset()


def _with_owner(layer: str, problem: Problem, owners: dict[str, str]) -> VerifyProblem:
    return VerifyProblem(
        layer=layer, path=problem.path, kind=problem.kind, project=owners.get(problem.path)
    )


def _owners(directory: Directory, current: Generation, layer: str) -> dict[str, str]:
    """Path → project, for every file that comes from a wheel."""
    store = Store(directory.store)
    return {
        path_of(line).decode(): wheel.project
        for wheel in current.layers[layer].wheels
        for line in store.manifest(wheel.store_id).lines
        if not line.startswith(b"d")
    }
