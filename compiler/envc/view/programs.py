"""The scripts of wheels that run the python beside them, and the RECORDs that tell of them.

Stored trees have them with another start, and always had: a layer's tree has its own text instead.
"""

from collections.abc import Iterator

from envc.formats.scripts import entry_point_script
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack, StackLayer
from envc.model.wheel import WheelFacts


def programs_of(layer: StackLayer, wheel: WheelFacts) -> dict[str, bytes]:
    """Those of one of a layer's wheels: path → text, entry points first."""
    found = {f"bin/{script.name}": entry_point_script(script) for script in wheel.console_scripts}
    if wheel.scripts:
        texts = dict(layer.python_scripts)
        found |= {path: texts[path] for path in wheel.scripts if path in texts}
    return found


def own_programs(stack: Stack) -> Iterator[WriteFile]:
    """The layer's own scripts and RECORDs: each takes the place of a stored file."""
    for wheel in sorted(stack.top.wheels, key=lambda facts: facts.project):
        for path, text in programs_of(stack.top, wheel).items():
            yield WriteFile(path, text, EXECUTABLE_MODE)
    for path, text in stack.records:
        yield WriteFile(path, text, FILE_MODE)
