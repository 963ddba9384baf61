"""Where the editable projects of a layer stand, as other tools look it up.

Source: https://packaging.python.org/specifications/direct-url/ (PEP 610)
"""

import json
from collections.abc import Iterator
from urllib.parse import quote

from envc.model.manifest import FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack
from envc.view.places import site_packages


def editable_origins(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; no wheel may bring this file
) -> Iterator[WriteFile]:
    """A `direct_url.json` for each editable project of the top."""
    folders = dict(stack.editable)
    for wheel in stack.top.wheels:
        folder = folders.get(wheel.project)
        if folder is not None:
            record = {"dir_info": {"editable": True}, "url": f"file://{quote(folder)}"}
            text = json.dumps(record, sort_keys=True).encode() + b"\n"
            path = f"{site_packages(stack)}/{wheel.dist_info}/direct_url.json"
            yield WriteFile(path, text, FILE_MODE)
