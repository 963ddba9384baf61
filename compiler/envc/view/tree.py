"""The view of a stack, pass after pass."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from envc.errors import UsageError
from envc.model.plan import MakeSymlink, View, WriteFile
from envc.model.stack import Stack
from envc.view.activate import activate_script
from envc.view.editable import editable_origins
from envc.view.inherited import (
    inherited_commands,
    inherited_data_files,
    inherited_libraries,
    masked_folders,
)
from envc.view.interpreter import interpreter_entries
from envc.view.modulefile import modulefiles
from envc.view.programs import own_programs
from envc.view.stack_file import RUNTIME_FILES, start_entries

Entry: TypeAlias = WriteFile | MakeSymlink
Pass: TypeAlias = Callable[[Stack, frozenset[str]], Iterable[Entry]]

# Each pass sees the paths that the passes before it took: what is the layer's own comes first.
PASSES: tuple[Pass, ...] = (
    interpreter_entries,
    activate_script,
    modulefiles,
    start_entries,
    editable_origins,
    inherited_commands,
    inherited_libraries,
    masked_folders,
    inherited_data_files,
)

# What an environment has that is no layer: whatever is visible in it is its own.
PLAIN_PASSES: tuple[Pass, ...] = (interpreter_entries, activate_script, editable_origins)


def view(stack: Stack) -> View:
    """The view of the stack's top layer: the same for every place that the tree may stand in.

    Raises:
        UsageError: a path of the stack cannot be written into the tree's text files.
    """
    return _seen(stack, PASSES, RUNTIME_FILES)


def plain_view(stack: Stack) -> View:
    """The view of a stack of one layer as an ordinary virtual environment, without the hook.

    Raises:
        UsageError: as for `view`.
    """
    return _seen(stack, PLAIN_PASSES, ())


def _seen(stack: Stack, passes: tuple[Pass, ...], runtime_files: tuple[str, ...]) -> View:
    check_paths(stack)
    entries: dict[str, Entry] = {entry.path: entry for entry in own_programs(stack)}
    instead = frozenset(entries)
    for step in passes:
        entries |= {entry.path: entry for entry in step(stack, frozenset(entries))}
    ordered = [entries[path] for path in sorted(entries)]
    return View(
        files=tuple(entry for entry in ordered if isinstance(entry, WriteFile)),
        symlinks=tuple(entry for entry in ordered if isinstance(entry, MakeSymlink)),
        runtime_files=runtime_files,
        instead=instead,
    )


def check_paths(stack: Stack) -> None:
    """Refuse the paths that a line of `pyvenv.cfg` or of the hook's data file cannot hold.

    Raises:
        UsageError: a path is relative or holds a control character.
    """
    for path in (stack.interpreter, *(layer.location for layer in stack.layers)):
        if not path.startswith("/") or not path.isprintable():
            raise UsageError(
                "a tree cannot refer to a path that is relative or not printable",
                where=repr(path),
                mend="name the folder by an absolute path of printable characters",
            )
