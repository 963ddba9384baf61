"""What holds of every plan; a plan that breaks one is a bug of envc, not of its input."""

from collections.abc import Iterator
from posixpath import dirname

from envc.model.manifest import Manifest, path_of
from envc.model.plan import TreePlan


def broken_invariants(plan: TreePlan, manifest: Manifest) -> Iterator[str]:
    """Every broken invariant, in words; nothing for a sound plan.

    1. Directories come before what is in them, and none is missing.
    2. No path is made twice.
    3. The manifest lists exactly what the operations make, in order, and has the plan's digest.
    4. Every path is relative and stays inside the tree.
    """
    made: set[bytes] = set()
    for path in _paths(plan):
        parent = dirname(path)
        if parent and parent not in made:
            yield f"{path.decode()} is made before its directory"
        if path in made:
            yield f"{path.decode()} is made twice"
        if path.startswith(b"/") or b".." in path.split(b"/"):
            yield f"{path.decode()} leaves the tree"
        made.add(path)
    if [path_of(line) for line in manifest.lines] != sorted(made):
        yield "the manifest does not list what is made"
    if manifest.digest() != plan.digest:
        yield "the manifest has another digest than the plan"


def _paths(plan: TreePlan) -> Iterator[bytes]:
    """Every path, in the order in which the operations make them."""
    yield from plan.every_directory()
    for link in plan.links:
        yield from link.every_path()
    for file in plan.files:
        yield file.path.encode()
    for symlink in plan.symlinks:
        yield symlink.path.encode()
