"""The parts that make a folder a virtual environment: `pyvenv.cfg` and the interpreter's names."""

from collections.abc import Iterator

from envc.formats.stack_text import HERE
from envc.model.manifest import FILE_MODE
from envc.model.plan import MakeSymlink, WriteFile
from envc.model.python import version_of
from envc.model.stack import Stack
from envc.view.places import location_of, site_packages, tree_of


def interpreter_entries(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told, this one comes first
) -> Iterator[WriteFile | MakeSymlink]:
    """`pyvenv.cfg`, `bin/python` and its other names, and `lib64` as `venv` makes it."""
    yield WriteFile("pyvenv.cfg", configuration(stack).encode(), FILE_MODE)
    yield MakeSymlink("bin/python", stack.interpreter)
    yield MakeSymlink("bin/python3", "python")
    yield MakeSymlink(f"bin/python{stack.python}", "python")
    # Interpreters whose platform directory is lib64 look for compiled projects there.
    yield MakeSymlink("lib64", "lib")


def configuration(stack: Stack) -> str:
    """The text of `pyvenv.cfg`.

    Editors take a folder for an environment if they read three numbers, and call it by `prompt`.
    The third is each node's own, so it is 0 here; uv, which compares it, takes the later line.
    `extends-environment` lets static tools find the base; they take absolute paths only, so it is
    left out for a base of the same target, whose path the tree must not know; and for a described
    folder that is in no such environment.
    """
    home = stack.interpreter.rpartition("/")[0] or "/"
    lines = [
        f"home = {home}",
        "include-system-site-packages = false",
        f"prompt = {stack.top.name}",
        f"version_info = {version_of(stack.python)}.0",
        f"version = {version_of(stack.python)}",
    ]
    if stack.bases and location_of(stack.bases[0], stack) != HERE:
        tree, end = tree_of(stack.bases[0]), f"/{site_packages(stack)}"
        if stack.bases[0].described is None or tree.endswith(end):
            lines.append(f"extends-environment = {tree.removesuffix(end)}")
    return "".join(f"{line}\n" for line in lines)
