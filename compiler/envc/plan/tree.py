"""One layer's plan, from manifests alone: nothing is walked, nothing is read twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from posixpath import dirname

from envc.errors import Fault, UntrustedError
from envc.model.digest import digest_of, hex_of
from envc.model.manifest import Entry, Manifest, directory_entry, parents_of, path_of
from envc.model.plan import LinkTree, MakeSymlink, PathLines, TreePlan, View, WriteFile
from envc.model.value import value


@value
class StoredTree:
    """A tree of the store and what people call it: `numpy 2.4.6`, or envc's own files."""

    store_id: str
    title: str
    manifest: Manifest


def plan_tree(layer: str, trees: Sequence[StoredTree], view: View) -> tuple[TreePlan, Manifest]:
    """The plan of a layer, and the manifest of the tree that it makes.

    Every wheel's files are linked, the view's own are written, some of them instead of a wheel's.

    Raises:
        UntrustedError: two wheels claim one path with different content; names all such paths.
    """
    lines: dict[bytes, bytes] = {}
    owners: dict[bytes, str] = {}
    shared: set[bytes] = set()
    faults: list[Fault] = []
    first: list[list[bytes]] = []  # of each tree: the paths that it is the first to claim
    for tree in trees:
        paths: list[bytes] = []
        for line in tree.manifest.lines:
            path = path_of(line)
            present = lines.setdefault(path, line)
            if present is line:
                owners[path] = tree.title
                paths.append(path)
            elif present != line:
                faults.append(_collision(path, owners[path], tree.title, layer))
            else:
                shared.add(path)
        first.append(paths)
    if view.instead:
        replaced = frozenset(path.encode() for path in view.instead)
        for path in replaced:
            del lines[path], owners[path]
        first = [[path for path in paths if path not in replaced] for paths in first]
    for entry in _own_entries(view.files, view.symlinks):
        path = entry.path.encode()
        line = entry.line()
        present = lines.setdefault(path, line)
        if present != line or (entry.kind != "d" and path in owners):
            faults.append(_collision(path, owners.get(path, "envc"), "envc", layer))
        shared.add(path)
    if faults:
        # Bytecode differs with its source, which says it all.
        sources = [fault for fault in faults if "/__pycache__/" not in fault.what]
        raise UntrustedError.of(sources or faults)
    manifest = Manifest(tuple(lines[path] for path in sorted(lines)))
    directories = tuple(path for path in sorted(shared) if _is_directory(lines[path]))
    made = frozenset(directories)
    plan = TreePlan(
        layer=layer,
        digest=manifest.digest(),
        directories=directories,
        links=tuple(
            link
            for tree, paths in zip(trees, first, strict=True)
            for link in _links(tree, [path for path in paths if path not in made], lines, made)
        ),
        files=view.files,
        symlinks=view.symlinks,
    )
    return plan, manifest


def manifest_of_plan(plan: TreePlan, manifest_of: Callable[[str], Manifest]) -> Manifest:
    """The manifest of what a plan makes, from those of the stored trees (by store id)."""
    lines = {path: directory_entry(path.decode()).line() for path in plan.every_directory()}
    for link in plan.links:
        wanted = set(link.every_path())
        for line in manifest_of(link.store_id).lines:
            if path_of(line) in wanted:
                lines[path_of(line)] = line
    for entry in _own_entries(plan.files, plan.symlinks):
        lines[entry.path.encode()] = entry.line()
    return Manifest(tuple(lines[path] for path in sorted(lines)))


def _links(
    tree: StoredTree, paths: Iterable[bytes], lines: Mapping[bytes, bytes], made: frozenset[bytes]
) -> Iterator[LinkTree]:
    """A tree's files and own directories, in order of the shared directory that they are below."""
    below: dict[bytes, tuple[list[bytes], list[bytes]]] = {}
    folders: dict[bytes, bytes] = {}
    for path in paths:
        parent = path.rpartition(b"/")[0]
        folder = folders.get(parent)
        if folder is None:
            folder = folders[parent] = _deepest(parent, made)
            below.setdefault(folder, ([], []))
        directories, files = below[folder]
        rest = path[len(folder) + 1 :] if folder else path
        (directories if _is_directory(lines[path]) else files).append(rest)
    for folder, (directories, files) in sorted(below.items()):
        yield LinkTree(tree.store_id, folder, PathLines.of(directories), PathLines.of(files))


def _deepest(path: bytes, made: frozenset[bytes]) -> bytes:
    """The deepest of these directories that a path is or is below; empty for the root."""
    while path and path not in made:
        path = path.rpartition(b"/")[0]
    return path


def _is_directory(line: bytes) -> bool:
    return line.startswith(b"d")


def _own_entries(files: Sequence[WriteFile], symlinks: Sequence[MakeSymlink]) -> Iterator[Entry]:
    """A layer's own files and symlinks, and every directory above them."""
    for file in files:
        content = hex_of(digest_of(file.content))
        yield Entry("f", file.mode, len(file.content), content, file.path)
    for symlink in symlinks:
        yield Entry("l", 0o777, 0, symlink.destination, symlink.path)
    paths = [*(file.path for file in files), *(symlink.path for symlink in symlinks)]
    yield from map(directory_entry, parents_of(paths))


def _collision(path: bytes, first: str, second: str, layer: str) -> Fault:
    return Fault(
        f"{first} and {second} both install {path.decode()}, with different content",
        f"layer {layer}",
        "remove one of the two from the layer, or pin a release of it without this file",
    )


def broken_invariants(plan: TreePlan, manifest: Manifest) -> Iterator[str]:
    """Every broken invariant, in words; nothing for a sound plan. One is a bug, whatever the input.

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
