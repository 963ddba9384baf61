"""Where the editable projects of a layer stand, as other tools look it up.

Source: https://packaging.python.org/specifications/direct-url/ (PEP 610)
"""

import json
from collections.abc import Iterator
from urllib.parse import quote

from envc.model.manifest import FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack
from envc.model.wheel import WheelFacts
from envc.view.places import site_packages


def origin_of(stack: Stack, wheel: WheelFacts) -> dict[str, bytes]:
    """The `direct_url.json` of one of the top's wheels, path → text, if its project is editable."""
    folder = dict(stack.editable).get(wheel.project)
    if folder is None:
        return {}
    origin = {"dir_info": {"editable": True}, "url": f"file://{quote(folder)}"}
    text = json.dumps(origin, sort_keys=True).encode() + b"\n"
    return {f"{site_packages(stack)}/{wheel.dist_info}/direct_url.json": text}


def editable_origins(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; no wheel may bring this file
) -> Iterator[WriteFile]:
    """A `direct_url.json` for each editable project of the top."""
    for wheel in stack.top.wheels:
        for path, text in origin_of(stack, wheel).items():
            yield WriteFile(path, text, FILE_MODE)
