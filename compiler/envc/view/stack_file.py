"""The files that start the hook of `envc.runtime`, and the printer of the data that it reads.

The format is described where it is read: `envc/runtime/_envc_stack.py`.
"""

from collections.abc import Iterable, Iterator

from envc.formats.stack_text import STACK_FILE
from envc.model.manifest import FILE_MODE, PUBLISHED_MTIME_SECONDS
from envc.model.plan import WriteFile
from envc.model.python import minor_of
from envc.model.stack import Stack, StackLayer
from envc.model.wheel import WheelFacts
from envc.view.places import location_of, shown_folder, site_packages
from envc.view.visible import visible_names

STACK_FORMAT = "2"
RUNTIME_FILES = (
    "_envc_adapters",
    "_envc_described",
    "_envc_finders",
    "_envc_lock",
    "_envc_refusals",
    "_envc_resources",
    "_envc_stack",
    "_envc_start",
    "_envc_start_files",
    "_envc_venv",
)

# Sorts before every .pth file that a wheel could sensibly have, `__editable__…` and `A…` included.
START_STEM = "+envc_stack"
IMPLEMENTATION = "cpython"
# The 3.X that is the first to pass over `import` lines of `.pth` files.
FIRST_WITHOUT_LINES = 18

# What the `.pth` line runs. Reading the bytecode is one look at the storage; an import, which is
# the way out where there is none that fits, is eight. `sitedir` is a variable of `site`.
_START = """\
import sys
try:
    from _frozen_importlib_external import SourcelessFileLoader
    path = sitedir + "/__pycache__/_envc_start." + sys.implementation.cache_tag + ".pyc"
    code = SourcelessFileLoader("_envc_start", path).get_code("_envc_start")
except Exception:
    import _envc_start
else:
    _envc_start = sys.modules["_envc_start"] = type(sys)("_envc_start")
    _envc_start.__file__ = sitedir + "/_envc_start.py"
    exec(code, vars(_envc_start))
_envc_start.start()
"""


def start_entries(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; these names are envc's alone
) -> Iterator[WriteFile]:
    """The hook's data, and what makes Python start it.

    A `.pth` line runs before the start-up code of wheels, and costs less than an import. From 3.18
    on Python runs no such lines any more, but calls the functions of `.start` files (PEP 829).
    """
    folder = site_packages(stack)
    lines_are_run = minor_of(stack.python) < FIRST_WITHOUT_LINES
    kind = ".pth" if lines_are_run else ".start"
    start = f"import sys; exec({_START!r})" if lines_are_run else "_envc_start:start"
    yield WriteFile(f"{folder}/{START_STEM}{kind}", f"{start}\n".encode(), FILE_MODE)
    records = "".join("\t".join(record) + "\n" for record in stack_records(stack))
    yield WriteFile(f"{folder}/{STACK_FILE}", records.encode(), FILE_MODE)


def stack_records(stack: Stack) -> Iterator[tuple[str, ...]]:
    """The records of the data file, in its order."""
    top = stack.top
    yield "envc-stack", STACK_FORMAT
    yield "core", IMPLEMENTATION, stack.python
    yield "layer", top.name, top.subdirectory, str(PUBLISHED_MTIME_SECONDS), top.closure
    if stack.bases:  # a layer without bases has nothing that an index could save it from
        names, _ = visible_names(top)
        yield "names", *sorted({*names, *RUNTIME_FILES})
        yield from distribution_record(top.wheels)
        yield from points_records(stack)
    for base in stack.bases:
        yield from base_records(base, stack)


def distribution_record(wheels: Iterable[WheelFacts]) -> Iterator[tuple[str, ...]]:
    """The record of these wheels' metadata, in order of project."""
    pairs = sorted((wheel.project, wheel.dist_info) for wheel in wheels)
    if pairs:
        yield "distributions", *(field for pair in pairs for field in pair)


def points_records(stack: Stack) -> Iterator[tuple[str, ...]]:
    """The records of the top's entry points, in order of project; what no record can hold is left.

    The end of the last line is not kept, which means nothing in that format.
    """
    for project, text in sorted(stack.entry_points):
        lines = text.splitlines()
        if all(map(str.isprintable, lines)):
            yield "points", project, *lines


def base_records(base: StackLayer, stack: Stack) -> Iterator[tuple[str, ...]]:
    """The records of one base."""
    masked = any(wheel.project in base.masked for wheel in base.wheels)
    view = "masked" if masked else "all"
    yield "base", base.name, view, base.closure, location_of(base, stack), base.subdirectory
    described = base.described
    start: list[str] = []
    if described is not None:
        seconds, warns = str(described.mtime_seconds), "warn" if described.warns else "refuse"
        yield "identity", seconds, described.names, warns
        start += described.start_files
    # What others may change is no closed world, but where a part of it is masked.
    names, namespaces = visible_names(base) if described is None or masked else ((), ())
    if names:
        yield "names", *names
    if namespaces:
        yield "namespaces", *namespaces
    folder = site_packages(stack)
    files = {path.rpartition("/") for wheel in base.visible() for path in wheel.start_files}
    start += [name for parent, _, name in files if parent == folder]
    start = sorted(name for name in start if name.endswith((".pth", ".start")))
    if start:
        yield "start", *start
    if masked:
        yield "folder", shown_folder(base, stack)
        yield from distribution_record(base.visible())
