"""The scripts of a layer's own wheels that run the python beside them, and the RECORDs of those.

Stored trees have them with another start, and always had: a layer's tree has its own text instead.
"""

from collections.abc import Iterator

from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack


def own_programs(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; these take the place of stored files
) -> Iterator[WriteFile]:
    """The scripts and the RECORDs, as the tree has them."""
    for path, text in stack.top.python_scripts:
        yield WriteFile(path, text, EXECUTABLE_MODE)
    for path, text in stack.top.records:
        yield WriteFile(path, text, FILE_MODE)
