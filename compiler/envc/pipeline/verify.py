"""`envc verify`: is a target (or an overlay's folder) what was materialized there?"""

import os
from dataclasses import dataclass

from envc.errors import UsageError
from envc.materialize.directory import Directory, Shape
from envc.materialize.verify import Problem, verify_tree
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import path_of
from envc.pipeline.base import OVERLAY_SPEC
from envc.store import Store

# What stands beside an overlay's tree in its generation.
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


def verify(path: str) -> VerifyReport:
    """Every difference between the current generation and its manifests, every byte read.

    Raises:
        UsageError: nothing is materialized here.
    """
    folder = os.path.abspath(path)
    shape = Shape.OVERLAY if os.path.exists(f"{folder}/{OVERLAY_SPEC}") else Shape.TARGET
    directory = Directory(folder, shape)
    current = directory.current()
    if current is None:
        raise UsageError(
            "nothing is materialized here", where=folder, mend="name a target with --target DIR"
        )
    problems = [
        problem for layer in current.layers for problem in _problems(directory, current, layer)
    ]
    return VerifyReport(
        ok=not problems,
        target=folder,
        generation=current.generation,
        digest=current.digest,
        problems=tuple(problems),
    )


def _problems(directory: Directory, current: Generation, layer: str) -> list[VerifyProblem]:
    number = current.generation
    manifest = directory.manifest(number, layer)
    root = directory.tree(number, layer)
    found: list[VerifyProblem] = []
    if digest_of(manifest.text()) != current.layers[layer].digest:
        path = os.path.relpath(f"{directory.generation(number)}/manifests/{layer}", root)
        found.append(VerifyProblem(layer=layer, path=path, kind="changed", project=None))
    ignore = _RECORDS if directory.shape is Shape.OVERLAY else frozenset()
    problems = verify_tree(manifest, root, ignore=ignore)
    owners = _owners(directory, current, layer) if problems else {}
    return found + [_with_owner(layer, problem, owners) for problem in problems]


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
