"""The commands of inherited projects, in the layer's own `bin/`."""

from collections.abc import Iterator

from envc.formats.scripts import entry_point_script
from envc.model.manifest import EXECUTABLE_MODE
from envc.model.plan import MakeSymlink, WriteFile
from envc.model.stack import Stack
from envc.view.places import destination


def inherited_commands(stack: Stack, taken: frozenset[str]) -> Iterator[WriteFile | MakeSymlink]:
    """Entry points and Python scripts run the layer's own interpreter; others are the base's file.

    A command of the layer itself hides an inherited one, one of a nearer base that of a farther.
    """
    seen = set(taken)
    for wheel in stack.top.wheels:
        seen.update(wheel.scripts)
        seen.update(f"bin/{script.name}" for script in wheel.console_scripts)
    for base in stack.bases:
        texts = dict(base.python_scripts)
        for wheel in sorted(base.visible(), key=lambda facts: facts.project):
            for script in wheel.console_scripts:
                path = f"bin/{script.name}"
                if path not in seen:
                    seen.add(path)
                    yield WriteFile(path, entry_point_script(script), EXECUTABLE_MODE)
            for path in wheel.scripts:
                if path not in seen:
                    seen.add(path)
                    if path in texts:
                        yield WriteFile(path, texts[path], EXECUTABLE_MODE)
                    else:
                        yield MakeSymlink(path, destination(path, base, stack))
