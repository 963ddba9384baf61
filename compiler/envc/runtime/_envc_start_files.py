"""Runs the `.pth` and `.start` files of a stack's layers, as `site` does for one directory.

A module of its own: only a process whose layers have such files loads it.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envc.runtime._envc_stack import Layer


def run_start_files(bases: "Sequence[Layer]", *, callables: bool) -> None:
    """Run the start-up files of all bases, the nearest first; `callables`: as Python 3.15 does."""
    for place, base in enumerate(bases):
        before = bases[place + 1].entry if place + 1 < len(bases) else None
        known = list(sys.path)
        for name in base.start_files:
            if name.endswith(".pth"):
                replaced = callables and f"{name.removesuffix('.pth')}.start" in base.start_files
                run_pth(base, name, before, imports=not replaced)
        put_in_order(known, before)
    for place, base in enumerate(bases if callables else ()):
        known = list(sys.path)
        for name in base.start_files:
            if name.endswith(".start"):
                run_start(base, name)
        put_in_order(known, bases[place + 1].entry if place + 1 < len(bases) else None)


def run_pth(layer: "Layer", name: str, before: "str | None", *, imports: bool = True) -> None:
    """Do what `site` does with a `.pth` file, new entries standing in front of `before`.

    `import` lines look for `sitedir` in the frame that runs them: it is the layer's entry.
    """
    sitedir = layer.entry  # noqa: F841 - read by those lines, through sys._getframe
    for number, line in enumerate(read_lines(layer, name), 1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            if not line.startswith(("import ", "import\t")):
                add_path(line.rstrip(), layer.folder, before)
            elif imports:
                exec(line)  # noqa: S102 - it is what a .pth file is for
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


def run_start(layer: "Layer", name: str) -> None:
    """Call the functions that a `.start` file names.

    Source: PEP 829
    """
    import importlib

    for number, line in enumerate(map(str.strip, read_lines(layer, name)), 1):
        if not line or line.startswith("#"):
            continue
        module, _, attribute = line.partition(":")
        try:
            found: object = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
            found()  # type: ignore[operator] # what cannot be called is reported
        except Exception:  # noqa: BLE001 - as `site` does: a broken file must not stop Python
            report(number, f"{layer.folder}/{name}")


def read_lines(layer: "Layer", name: str) -> list[str]:
    """The lines of a start-up file; none when it cannot be read, as `site` has it."""
    try:
        path = f"{layer.folder}/{name}"
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            return file.readlines()
    except OSError:
        return []


def add_path(line: str, folder: str, before: "str | None") -> None:
    """Put the directory of a `.pth` line on `sys.path`, before that entry or at the end."""
    path = os.path.abspath(os.path.join(folder, line))
    if path in (folder, *sys.path) or not os.path.exists(path):
        return
    sys.path.insert(sys.path.index(before) if before in sys.path else len(sys.path), path)


def report(number: int, path: str) -> None:
    """Show the exception in hand, in the words of `site`."""
    import traceback

    sys.stderr.write(f"Error processing line {number} of {path}:\n\n")
    for line in traceback.format_exc().splitlines():
        sys.stderr.write(f"  {line}\n")
