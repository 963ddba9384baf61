"""Runs the `.pth` and `.start` files of a stack's layers, as `site` does for one directory.

A module of its own: only a process whose layers have such files loads it.
"""

import os
import sys

IMPORTS = ("import ", "import\t")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envc.runtime._envc_stack import Layer


def run_start_files(bases: "Sequence[Layer]", *, staged: bool) -> None:
    """Run the start-up files of all bases, the nearest first; `staged`: as Python 3.15 does.

    It takes the folders of all `.pth` files, then runs their `import` lines, then calls functions.
    """
    for run in (add_folders, run_imports, call_functions) if staged else (run_all_pth,):
        for place, base in enumerate(bases):
            before = bases[place + 1].entry if place + 1 < len(bases) else None
            known = list(sys.path)
            run(base, before)
            put_in_order(known, before)


def run_all_pth(layer: "Layer", before: "str | None") -> None:
    """Run the layer's `.pth` files one after the other."""
    for name in layer.start_files:
        if name.endswith(".pth"):
            run_pth(layer, name, before)


def run_pth(layer: "Layer", name: str, before: "str | None") -> None:
    """Do what `site` does with a `.pth` file, new entries standing in front of `before`.

    `import` lines look for `sitedir` in the frame that runs them: it is the layer's entry.
    """
    sitedir = layer.entry  # noqa: F841 - read by those lines, through sys._getframe
    for number, line in lines_of(layer, name):
        try:
            if line.startswith(IMPORTS):
                exec(line)  # noqa: S102 - it is what a .pth file is for
            elif not layer.identity:  # what it names was described, and is a layer itself
                add_path(line.rstrip(), layer.folder, before)
        except Exception:  # noqa: BLE001 - as `site` does: a broken file must not stop Python
            report(number, f"{layer.folder}/{name}")
            sys.stderr.write("\nRemainder of file ignored\n")
            return


def run_own_pth(layer: "Layer", name: str, before: "str | None") -> None:
    """Run a `.pth` file of the tree's own layer: what it adds may go to the front, as in any venv.

    What stood on the path keeps its order: the lines of easy_install take the end of the path for
    their own and move it to the front, and here the bases stand at the end.
    """
    known = list(sys.path)
    run_pth(layer, name, before)
    if [entry for entry in sys.path if entry in known] != known:
        put_in_order(known, before)


def put_in_order(known: list[str], before: "str | None") -> None:
    """Let `sys.path` be as it was known, and all that is new stand in front of `before`.

    So whatever a base does at start-up, nothing of it goes before what stands on the base.
    """
    new = [entry for entry in sys.path if entry not in known]
    stays = [entry for entry in known if entry in sys.path]
    place = stays.index(before) if before in stays else len(stays)
    sys.path[:] = [*stays[:place], *new, *stays[place:]]


def add_folders(layer: "Layer", before: "str | None") -> None:
    """Put what the layer's `.pth` files name on `sys.path`."""
    for name in layer.start_files if not layer.identity else ():
        for _, line in lines_of(layer, name) if name.endswith(".pth") else ():
            if not line.lstrip().startswith(IMPORTS):
                add_path(line.strip(), layer.folder, before)


def run_imports(layer: "Layer", _before: "str | None") -> None:
    """Run the `import` lines of the layer's `.pth` files, unless a `.start` file is in their place.

    Source: PEP 829
    """
    for name in layer.start_files:
        if name.endswith(".pth") and f"{name.removesuffix('.pth')}.start" not in layer.start_files:
            run_import_lines(layer, name)


def run_import_lines(layer: "Layer", name: str) -> None:
    """Run the `import` lines of a `.pth` file, which see the layer's entry as `sitedir`."""
    sitedir = layer.entry  # noqa: F841 - read by those lines, through sys._getframe
    for number, line in lines_of(layer, name):
        try:
            if line.lstrip().startswith(IMPORTS):
                exec(line.strip())  # noqa: S102 - it is what a .pth file is for
        except Exception:  # noqa: BLE001 - as `site` does: a broken file must not stop Python
            report(number, f"{layer.folder}/{name}")


def call_functions(layer: "Layer", _before: "str | None") -> None:
    """Call the functions that the layer's `.start` files name.

    Source: PEP 829
    """
    for name in layer.start_files:
        for number, line in lines_of(layer, name) if name.endswith(".start") else ():
            try:
                call(line.strip())
            except Exception:  # noqa: BLE001 - as `site` does: a broken file must not stop Python
                report(number, f"{layer.folder}/{name}")


def call(function: str) -> None:
    """Call what `module:attribute` names."""
    import importlib

    module, _, attributes = function.partition(":")
    found: object = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    found()  # type: ignore[operator] # what cannot be called is reported


def lines_of(layer: "Layer", name: str) -> "Iterator[tuple[int, str]]":
    """The lines of a start-up file that say something, each with its number.

    None when it cannot be read, as `site` has it.
    """
    try:
        path = f"{layer.folder}/{name}"
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def add_path(line: str, folder: str, before: "str | None") -> None:
    """Put the directory of a `.pth` line on `sys.path`, before that entry or at the end."""
    path = os.path.abspath(os.path.join(folder, line))
    if path in (folder, *sys.path) or not os.path.exists(path):
        return
    sys.path.insert(sys.path.index(before) if before in sys.path else len(sys.path), path)


def report(number: int, path: str) -> None:
    """Show the exception in hand, in the words of `site`."""
    import traceback

    from _envc_refusals import shown  # type: ignore[import-not-found] # it stands beside

    sys.stderr.write(f"{shown(f'Error processing line {number} of {path}:')}\n\n")
    for line in traceback.format_exc().splitlines():
        sys.stderr.write(f"  {shown(line)}\n")
